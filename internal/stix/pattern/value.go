package pattern

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Kind is the kind of a literal, or of a value of an observation.
type Kind int

// The kinds of section 9.3. Nothing is a JSON null, an object or a list.
const (
	Nothing Kind = iota
	Bool
	Number
	Text
	Instant
	Bytes
)

// Value is a literal of a pattern or a property of an object.
type Value struct {
	Kind  Kind
	Bool  bool
	Whole bool // of a number: Int holds it exactly
	Int   int64
	Float float64
	Text  string
	At    time.Time
	Bytes []byte
}

// family groups the kinds that a set may mix: none.
func (v Value) family() Kind { return v.Kind }

// valueOf takes a JSON value as its property's name says: names that end in
// _hex and _bin hold bytes (section 9.3, hashes and binaries).
func valueOf(key string, x any) Value {
	switch t := x.(type) {
	case bool:
		return Value{Kind: Bool, Bool: t}
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return Value{Kind: Number, Whole: true, Int: n, Float: float64(n)}
		}
		f, err := t.Float64()
		if err != nil {
			return Value{}
		}
		return Value{Kind: Number, Float: f}
	case string:
		if strings.HasSuffix(key, "_hex") {
			if b, err := hex.DecodeString(t); err == nil {
				return Value{Kind: Bytes, Bytes: b}
			}
		}
		if strings.HasSuffix(key, "_bin") {
			if b, err := base64.StdEncoding.DecodeString(t); err == nil {
				return Value{Kind: Bytes, Bytes: b}
			}
		}
		return Value{Kind: Text, Text: t}
	}
	return Value{}
}

// octets gives text as bytes, one for each character; not when one lies above 255.
func octets(s string) ([]byte, bool) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 255 {
			return nil, false
		}
		b = append(b, byte(r))
	}
	return b, true
}

// compare orders a value of the data against a literal; ok is false when the
// two kinds cannot be compared. It fails when the literal is a time and the
// data's text is none.
func compare(data, lit Value) (c int, ok bool, err error) {
	switch {
	case lit.Kind == Bool && data.Kind == Bool:
		if lit.Bool == data.Bool {
			return 0, true, nil
		}
		return 1, true, nil
	case lit.Kind == Number && data.Kind == Number:
		if lit.Whole && data.Whole {
			return cmp.Compare(data.Int, lit.Int), true, nil
		}
		return cmp.Compare(data.Float, lit.Float), true, nil
	case lit.Kind == Text && data.Kind == Text:
		return strings.Compare(data.Text, lit.Text), true, nil
	case lit.Kind == Instant && data.Kind == Text:
		t, ok := instant(data.Text)
		if !ok {
			return 0, false, fmt.Errorf("the observation has %q where the pattern compares a time", data.Text)
		}
		return t.Compare(lit.At), true, nil
	}
	a, ok1 := data.asBytes()
	b, ok2 := lit.asBytes()
	if !ok1 || !ok2 {
		return 0, false, nil
	}
	return bytes.Compare(a, b), true, nil
}

func (v Value) asBytes() ([]byte, bool) {
	switch v.Kind {
	case Bytes:
		return v.Bytes, true
	case Text:
		return octets(v.Text)
	}
	return nil, false
}

// matcher is a compiled LIKE or MATCHES: over text in normal form C, and over
// bytes, where the expression has no character above 255.
type matcher struct {
	text, bytes *regexp.Regexp
}

// compileText compiles the expression of LIKE (% and _ as in SQL) or MATCHES.
// MATCHES is read by RE2: look-around and back-references are refused.
func compileText(op Op, values []Value) (m matcher, err error) {
	if op != Like && op != Matches {
		return m, nil
	}
	expr := norm.NFC.String(values[0].Text)
	if op == Like {
		var b strings.Builder
		b.WriteString("(?s)^")
		for _, r := range expr {
			switch r {
			case '%':
				b.WriteString(".*")
			case '_':
				b.WriteByte('.')
			default:
				b.WriteString(regexp.QuoteMeta(string(r)))
			}
		}
		b.WriteString("$")
		expr = b.String()
	}
	if m.text, err = regexp.Compile(expr); err != nil {
		return m, fmt.Errorf("the expression is not understood: %w", err)
	}
	if _, ok := octets(expr); ok {
		m.bytes = m.text
	}
	return m, nil
}

func (m matcher) match(v Value) bool {
	switch v.Kind {
	case Text:
		return m.text.MatchString(norm.NFC.String(v.Text))
	case Bytes:
		if m.bytes == nil {
			return false
		}
		var b strings.Builder // each byte as the character of that number
		for _, c := range v.Bytes {
			b.WriteRune(rune(c))
		}
		return m.bytes.MatchString(b.String())
	}
	return false
}

// within reports whether network a lies inside network b. Text that is no
// address and no network lies in nothing.
func within(a, b string) bool {
	p, ok1 := network(a)
	q, ok2 := network(b)
	return ok1 && ok2 && p.Bits() >= q.Bits() && q.Contains(p.Addr())
}

func network(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}
