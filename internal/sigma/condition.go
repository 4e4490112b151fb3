package sigma

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits of a condition.
const (
	maxCondition = 16 << 10
	maxDepth     = 64
)

// cond is a condition as written: op is and, or, not, name (of a selection) or
// of (n of the selections that pattern names; n is 0 for all).
type cond struct {
	op   string
	kids []*cond
	name string
	n    int
}

// parseCondition reads a condition. What binds, from loose to tight: or, and,
// not, of. Its errors say at which character.
func parseCondition(s string) (*cond, error) {
	if len(s) > maxCondition {
		return nil, fmt.Errorf("the condition is longer than %d characters", maxCondition)
	}
	p := &condParser{src: s}
	p.next()
	c, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.word == "|" {
		return nil, p.fail("counts after a pipe are no longer part of the language; write a correlation rule")
	}
	if p.word != "" {
		return nil, p.fail("%q is not expected here", p.word)
	}
	return c, nil
}

type condParser struct {
	src  string
	pos  int // after word
	at   int // of word
	word string
}

func (p *condParser) fail(format string, args ...any) error {
	return fmt.Errorf("condition, character %d: %s", p.at+1, fmt.Sprintf(format, args...))
}

func (p *condParser) next() {
	for p.pos < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
	p.at = p.pos
	if p.pos < len(p.src) && strings.IndexByte("()|", p.src[p.pos]) >= 0 {
		p.pos++
	} else {
		for p.pos < len(p.src) && strings.IndexByte(" \t\r\n()|", p.src[p.pos]) < 0 {
			p.pos++
		}
	}
	p.word = p.src[p.at:p.pos]
}

func (p *condParser) is(word string) bool { return strings.EqualFold(p.word, word) }

func (p *condParser) or(depth int) (*cond, error) { return p.row("or", p.and, depth) }

func (p *condParser) and(depth int) (*cond, error) { return p.row("and", p.not, depth) }

// row reads operands joined by one word.
func (p *condParser) row(word string, operand func(int) (*cond, error), depth int) (*cond, error) {
	first, err := operand(depth)
	if err != nil || !p.is(word) {
		return first, err
	}
	c := &cond{op: word, kids: []*cond{first}}
	for p.is(word) {
		p.next()
		k, err := operand(depth)
		if err != nil {
			return nil, err
		}
		c.kids = append(c.kids, k)
	}
	return c, nil
}

func (p *condParser) not(depth int) (*cond, error) {
	if !p.is("not") {
		return p.term(depth)
	}
	if depth > maxDepth {
		return nil, p.fail("nested deeper than %d", maxDepth)
	}
	p.next()
	k, err := p.not(depth + 1)
	if err != nil {
		return nil, err
	}
	return &cond{op: "not", kids: []*cond{k}}, nil
}

func (p *condParser) term(depth int) (*cond, error) {
	switch {
	case p.word == "":
		return nil, p.fail("the condition ends where the name of a selection should stand")
	case p.word == "(":
		if depth > maxDepth {
			return nil, p.fail("nested deeper than %d", maxDepth)
		}
		p.next()
		c, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if p.word != ")" {
			return nil, p.fail("a parenthesis is not closed")
		}
		p.next()
		return c, nil
	case p.word == ")" || p.word == "|" || p.is("and") || p.is("or") || p.is("of"):
		return nil, p.fail("%q stands where the name of a selection should", p.word)
	}
	word := p.word
	p.next()
	if !p.is("of") {
		if strings.Contains(word, "*") {
			return nil, p.fail("%q names several selections; write \"1 of %s\" or \"all of %s\"", word, word, word)
		}
		return &cond{op: "name", name: word}, nil
	}
	n, err := quantity(word)
	if err != nil {
		return nil, p.fail("%v", err)
	}
	p.next()
	if p.word == "" || strings.IndexByte("()|", p.word[0]) >= 0 {
		return nil, p.fail("\"of\" wants \"them\" or a pattern of names")
	}
	c := &cond{op: "of", n: n, name: p.word}
	p.next()
	return c, nil
}

// quantity reads all (0), any (1) or a number.
func quantity(word string) (int, error) {
	switch strings.ToLower(word) {
	case "all":
		return 0, nil
	case "any":
		return 1, nil
	}
	n, err := strconv.Atoi(word)
	if err != nil || n < 1 || n > 10_000 {
		return 0, fmt.Errorf("%q before \"of\" is neither a number nor \"all\"", word)
	}
	return n, nil
}

// matches reports whether a pattern of "of" takes in a selection. "them" takes in
// all but those that begin with an underscore.
func matches(pattern, name string) bool {
	if strings.EqualFold(pattern, "them") {
		return !strings.HasPrefix(name, "_")
	}
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, pieces[0])
	if !ok {
		return false
	}
	for _, piece := range pieces[1 : len(pieces)-1] {
		i := strings.Index(rest, piece)
		if i < 0 {
			return false
		}
		rest = rest[i+len(piece):]
	}
	return strings.HasSuffix(rest, pieces[len(pieces)-1])
}
