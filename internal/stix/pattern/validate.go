package pattern

import (
	"fmt"
	"strings"
)

// hashLengths are the hexadecimal digits of the hashes of the vocabulary
// hash-algorithm-ov (STIX 2.1, section 10.7) that have a fixed length.
var hashLengths = map[string]int{
	"md5": 32, "sha-1": 40, "sha-224": 56, "sha-256": 64, "sha-384": 96, "sha-512": 128,
	"sha3-224": 56, "sha3-256": 64, "sha3-384": 96, "sha3-512": 128, "ripemd-160": 40, "whirlpool": 128,
}

// Validate says what is wrong with a pattern that the grammar allows: the same
// qualifier twice on one observation (section 9.2), and hashes of the wrong shape.
func (e Expression) Validate() error {
	if e.Test != nil {
		seen := map[string]bool{}
		for _, q := range e.Qualifiers {
			if seen[q.Kind] {
				return fmt.Errorf("%s stands twice on one observation", q.Kind)
			}
			seen[q.Kind] = true
		}
		for _, c := range e.Test.comparisons(nil) {
			if err := c.validate(); err != nil {
				return err
			}
		}
	}
	for _, p := range e.Parts {
		if err := p.Validate(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Comparison) validate() error {
	if c.Op != Equal && c.Op != NotEqual && c.Op != In {
		return nil
	}
	for i, s := range c.Path.Steps {
		if s.Key != "hashes" || i+1 >= len(c.Path.Steps) || c.Path.Steps[i+1].List {
			continue
		}
		name := c.Path.Steps[i+1].Key
		n, known := hashLengths[strings.ToLower(name)]
		for _, v := range c.Values {
			if known && (v.Kind != Text || len(v.Text) != n || strings.Trim(strings.ToLower(v.Text), "0123456789abcdef") != "") {
				return fmt.Errorf("%s has %d hexadecimal digits, «%s» has not", name, n, v.Text)
			}
		}
	}
	return nil
}
