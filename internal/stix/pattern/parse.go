package pattern

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// parser is a recursive-descent reader with one token in hand.
type parser struct {
	lexer
	tok   token
	depth int
}

// Parse reads a pattern. It fails with *Error.
func Parse(src string) (Expression, error) {
	p := &parser{lexer: lexer{src: src}}
	if len(src) > MaxPattern {
		return Expression{}, p.fail(MaxPattern, "the pattern is longer than %d bytes", MaxPattern)
	}
	if !utf8.ValidString(src) {
		return Expression{}, p.fail(0, "the pattern is not UTF-8")
	}
	if err := p.advance(); err != nil {
		return Expression{}, err
	}
	e, err := p.joined("FOLLOWEDBY", "OR", "AND")
	if err == nil && p.tok.kind != end {
		err = p.unexpected("the end of the pattern")
	}
	return e, err
}

func (p *parser) advance() (err error) {
	p.tok, err = p.next()
	return err
}

func (p *parser) unexpected(want string) error {
	return p.fail(p.tok.at, "%s instead of %s", p.tok, want)
}

func (p *parser) is(s string) bool {
	return (p.tok.kind == word || p.tok.kind == mark) && p.tok.text == s
}

// take goes on when the token is s.
func (p *parser) take(s string) (bool, error) {
	if !p.is(s) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expect(s string) error {
	if ok, err := p.take(s); ok || err != nil {
		return err
	}
	return p.unexpected("«" + s + "»")
}

func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail(p.tok.at, "more than %d parentheses inside one another", maxDepth)
	}
	return nil
}

// joined reads expressions with a join, the loosest first.
func (p *parser) joined(joins ...string) (Expression, error) {
	part := func() (Expression, error) {
		if len(joins) == 1 {
			return p.qualified()
		}
		return p.joined(joins[1:]...)
	}
	first, err := part()
	if err != nil || !p.is(joins[0]) {
		return first, err
	}
	e := Expression{Join: joins[0], Parts: []Expression{first}}
	for {
		ok, err := p.take(joins[0])
		if err != nil || !ok {
			return e, err
		}
		next, err := part()
		if err != nil {
			return e, err
		}
		e.Parts = append(e.Parts, next)
	}
}

// qualified reads a test or a group, and the qualifiers behind it.
func (p *parser) qualified() (Expression, error) {
	var e Expression
	switch {
	case p.is("["):
		if err := p.advance(); err != nil {
			return e, err
		}
		t, err := p.test()
		if err != nil {
			return e, err
		}
		e.Test = &t
		if err := p.expect("]"); err != nil {
			return e, err
		}
	case p.is("("):
		if err := p.deeper(); err != nil {
			return e, err
		}
		if err := p.advance(); err != nil {
			return e, err
		}
		in, err := p.joined("FOLLOWEDBY", "OR", "AND")
		if err != nil {
			return e, err
		}
		p.depth--
		e.Parts = []Expression{in}
		if err := p.expect(")"); err != nil {
			return e, err
		}
	default:
		return e, p.unexpected("«[» or «(»")
	}
	for {
		q, ok, err := p.qualifier()
		if err != nil || !ok {
			return e, err
		}
		e.Qualifiers = append(e.Qualifiers, q)
	}
}

func (p *parser) qualifier() (q Qualifier, ok bool, err error) {
	switch {
	case p.is("WITHIN"):
		at := p.tok.at
		if err = p.advance(); err != nil {
			return q, false, err
		}
		n, err := strconv.ParseFloat(p.tok.text, 64)
		if p.tok.kind != whole && p.tok.kind != decimal || err != nil {
			return q, false, p.unexpected("a number of seconds")
		}
		if n <= 0 || n > 1e9 {
			return q, false, p.fail(at, "WITHIN needs between 0 and 1,000,000,000 seconds")
		}
		if err := p.advance(); err != nil {
			return q, false, err
		}
		return Qualifier{Kind: "WITHIN", Within: time.Duration(n * float64(time.Second))}, true, p.expect("SECONDS")
	case p.is("REPEATS"):
		if err = p.advance(); err != nil {
			return q, false, err
		}
		n, err := strconv.Atoi(p.tok.text)
		if p.tok.kind != whole || err != nil || n < 1 {
			return q, false, p.unexpected("a number of times, at least 1")
		}
		if err := p.advance(); err != nil {
			return q, false, err
		}
		return Qualifier{Kind: "REPEATS", Times: n}, true, p.expect("TIMES")
	case p.is("START"):
		q.Kind = "START"
		if err = p.advance(); err != nil {
			return q, false, err
		}
		if q.Start, err = p.instant(); err != nil {
			return q, false, err
		}
		if err = p.expect("STOP"); err != nil {
			return q, false, err
		}
		q.Stop, err = p.instant()
		return q, true, err
	}
	return q, false, nil
}

func (p *parser) instant() (time.Time, error) {
	if p.tok.kind != stamp {
		return time.Time{}, p.unexpected("a time like t'2026-11-24T10:00:00Z'")
	}
	t, ok := instant(p.tok.text)
	if !ok {
		return t, p.fail(p.tok.at, "%s is no time like t'2026-11-24T10:00:00Z'", p.tok)
	}
	return t, p.advance()
}

// instant reads a timestamp of STIX (section 2.16): RFC 3339, in UTC, with Z.
func instant(s string) (time.Time, bool) {
	if !strings.HasSuffix(s, "Z") || len(s) < 20 || s[10] != 'T' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// test reads comparisons joined by OR, and those joined by AND inside.
func (p *parser) test() (Test, error) {
	return p.list("OR", func(t *Test, sub []Test) { t.Or = sub }, func() (Test, error) {
		return p.list("AND", func(t *Test, sub []Test) { t.And = sub }, p.comparison)
	})
}

func (p *parser) list(join string, put func(*Test, []Test), part func() (Test, error)) (Test, error) {
	first, err := part()
	if err != nil || !p.is(join) {
		return first, err
	}
	all := []Test{first}
	for {
		ok, err := p.take(join)
		if err != nil || !ok {
			var t Test
			put(&t, all)
			return t, err
		}
		next, err := part()
		if err != nil {
			return next, err
		}
		all = append(all, next)
	}
}

func (p *parser) comparison() (Test, error) {
	if p.is("(") {
		if err := p.deeper(); err != nil {
			return Test{}, err
		}
		if err := p.advance(); err != nil {
			return Test{}, err
		}
		t, err := p.test()
		if err != nil {
			return t, err
		}
		p.depth--
		return t, p.expect(")")
	}
	c := &Comparison{}
	if ok, err := p.take("EXISTS"); err != nil {
		return Test{}, err
	} else if ok {
		c.Op = Exists
	} else if p.is("NOT") {
		// "NOT EXISTS path" is the only place where NOT stands first.
		if err := p.advance(); err != nil {
			return Test{}, err
		}
		c.Not, c.Op = true, Exists
		if err := p.expect("EXISTS"); err != nil {
			return Test{}, err
		}
	}
	var err error
	if c.Path, err = p.path(); err != nil {
		return Test{}, err
	}
	if c.Op == Exists {
		return Test{Comparison: c}, nil
	}
	if c.Not, err = p.take("NOT"); err != nil {
		return Test{}, err
	}
	at := p.tok.at
	if err = p.operator(c); err != nil {
		return Test{}, err
	}
	if c.like, err = compileText(c.Op, c.Values); err != nil {
		return Test{}, p.fail(at, "%v", err)
	}
	return Test{Comparison: c}, nil
}

func (p *parser) path() (Path, error) {
	if p.tok.kind != word && p.tok.kind != text {
		return Path{}, p.unexpected("an object type")
	}
	path := Path{Type: p.tok.text}
	if err := p.advance(); err != nil {
		return path, err
	}
	if err := p.expect(":"); err != nil {
		return path, err
	}
	for {
		if p.tok.kind != word && p.tok.kind != text {
			return path, p.unexpected("a property")
		}
		path.Steps = append(path.Steps, Step{Key: p.tok.text})
		if err := p.advance(); err != nil {
			return path, err
		}
		for {
			ok, err := p.take("[")
			if err != nil {
				return path, err
			}
			if !ok {
				break
			}
			s := Step{List: true}
			if s.Any, err = p.take("*"); err != nil {
				return path, err
			}
			if !s.Any {
				if s.Index, err = strconv.Atoi(p.tok.text); p.tok.kind != whole || err != nil {
					return path, p.unexpected("an index or *")
				}
				if err := p.advance(); err != nil {
					return path, err
				}
			}
			if err := p.expect("]"); err != nil {
				return path, err
			}
			path.Steps = append(path.Steps, s)
		}
		if ok, err := p.take("."); err != nil || !ok {
			return path, err
		}
	}
}

// operator reads the operator of a comparison and its literals.
func (p *parser) operator(c *Comparison) error {
	op := p.tok.text
	switch {
	case p.tok.kind != word && p.tok.kind != mark:
		return p.unexpected("an operator")
	case op == "==":
		op = "="
	case op == "<>":
		op = "!="
	}
	c.Op = Op(op)
	known := []Op{Equal, NotEqual, Less, LessEq, Greater, GreaterEq, In, Like, Matches, IsSubset, IsSuperset}
	if !slices.Contains(known, c.Op) {
		return p.unexpected("an operator")
	}
	if err := p.advance(); err != nil {
		return err
	}
	switch c.Op {
	case In:
		return p.set(c)
	case Like, Matches, IsSubset, IsSuperset:
		if p.tok.kind != text {
			return p.unexpected("a string in single quotes")
		}
	}
	v, err := p.literal(c.Op == Equal || c.Op == NotEqual)
	c.Values = []Value{v}
	return err
}

func (p *parser) set(c *Comparison) error {
	if err := p.expect("("); err != nil {
		return err
	}
	for !p.is(")") {
		if len(c.Values) > 0 {
			if err := p.expect(","); err != nil {
				return err
			}
		}
		at := p.tok.at
		v, err := p.literal(true)
		if err != nil {
			return err
		}
		if len(c.Values) > 0 && v.family() != c.Values[0].family() {
			return p.fail(at, "a set holds values of one kind")
		}
		c.Values = append(c.Values, v)
	}
	return p.advance()
}

// literal reads one value; truth says whether true and false are allowed here.
func (p *parser) literal(truth bool) (v Value, err error) {
	s := p.tok.text
	switch p.tok.kind {
	case text:
		v = Value{Kind: Text, Text: s}
	case whole:
		n, e := strconv.ParseInt(strings.TrimPrefix(s, "+"), 10, 64)
		v, err = Value{Kind: Number, Whole: true, Int: n, Float: float64(n)}, e
	case decimal:
		v.Kind = Number
		v.Float, err = strconv.ParseFloat(s, 64)
	case stamp:
		t, ok := instant(s)
		if !ok {
			return v, p.fail(p.tok.at, "%s is no time like t'2026-11-24T10:00:00Z'", p.tok)
		}
		v = Value{Kind: Instant, At: t}
	case binary:
		b, e := base64.StdEncoding.Strict().DecodeString(s)
		v, err = Value{Kind: Bytes, Bytes: b}, e
	case hexed:
		b, e := hex.DecodeString(s)
		v, err = Value{Kind: Bytes, Bytes: b}, e
	case word:
		if truth && (s == "true" || s == "false") {
			v = Value{Kind: Bool, Bool: s == "true"}
			break
		}
		return v, p.unexpected("a value")
	default:
		return v, p.unexpected("a value")
	}
	if err != nil {
		return v, p.fail(p.tok.at, "%s is no value of its kind", p.tok)
	}
	return v, p.advance()
}
