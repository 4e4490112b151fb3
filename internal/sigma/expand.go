package sigma

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
)

// maxFilled is how many values the placeholders of one item may give.
const maxFilled = 10_000

// expand puts the site's values in the place of %name%. \% is a percent sign.
func expand(values []value, fill map[string][]string) ([]value, error) {
	var out []value
	var lacks []string
	for _, v := range values {
		texts := []string{""}
		rest := v.text
		for rest != "" {
			before, name, after := placeholder(rest)
			next := []string{before}
			if name != "" {
				known, ok := fill[name]
				if !ok && !slices.Contains(lacks, "%"+name+"%") {
					lacks = append(lacks, "%"+name+"%")
				}
				next = next[:0]
				for _, k := range known {
					next = append(next, before+k)
				}
			}
			if len(texts)*len(next) > maxFilled {
				return nil, fmt.Errorf("its placeholders give more than %d values", maxFilled)
			}
			var grown []string
			for _, t := range texts {
				for _, n := range next {
					grown = append(grown, t+n)
				}
			}
			texts, rest = grown, after
		}
		for _, t := range texts {
			out = append(out, value{text: t, null: v.null})
		}
	}
	if len(lacks) > 0 {
		return nil, missing{lacks}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("its placeholders have no values")
	}
	return out, nil
}

// placeholder cuts a text at its first %name%; \% in what stands before becomes
// a percent sign.
func placeholder(s string) (before, name, after string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && s[i+1] == '%' {
			i++
			b.WriteByte('%')
			continue
		}
		if s[i] == '%' {
			if j := strings.IndexByte(s[i+1:], '%'); j > 0 && !strings.ContainsAny(s[i+1:i+1+j], " \\*?") {
				return b.String(), s[i+1 : i+1+j], s[i+2+j:]
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), "", ""
}

// literalOf gives the longest folded text that every match of a regular
// expression contains, if there is one worth looking for.
func literalOf(re string) []byte {
	tree, err := syntax.Parse(re, syntax.Perl)
	if err != nil {
		return nil
	}
	if b := longest(tree.Simplify()); len(b) >= 3 {
		return b
	}
	return nil
}

func longest(t *syntax.Regexp) []byte {
	switch t.Op {
	case syntax.OpLiteral:
		return fold(nil, []byte(string(t.Rune)))
	case syntax.OpCapture, syntax.OpPlus:
		return longest(t.Sub[0])
	case syntax.OpRepeat:
		if t.Min > 0 {
			return longest(t.Sub[0])
		}
	case syntax.OpConcat:
		var best []byte
		for _, s := range t.Sub {
			if b := longest(s); len(b) > len(best) {
				best = b
			}
		}
		return best
	}
	return nil
}
