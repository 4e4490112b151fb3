package sigma

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// shape is what the modifiers of an item ask for, besides changing its values.
type shape struct {
	start, end bool // which ends of the value bind
	cased, all bool
	neq        bool
	re         bool
	reFlags    string
	net        bool
	ref        bool
	exists     bool
	expand     bool
	number     bool // compared by cmp
	cmp        compare
	unit       unit
	change     []string // transformations, in their order
}

func shapeOf(mods []string) (shape, error) {
	s := shape{start: true, end: true}
	for _, m := range mods {
		switch m {
		case "contains":
			s.start, s.end = false, false
		case "startswith":
			s.end = false
		case "endswith":
			s.start = false
		case "all":
			s.all = true
		case "cased":
			s.cased = true
		case "neq":
			s.neq = true
		case "re":
			s.re = true
		case "i", "m", "s", "ignorecase", "multiline", "dotall":
			if !s.re {
				return s, fmt.Errorf("modifier %q wants re before it", m)
			}
			s.reFlags += map[string]string{"ignorecase": "i", "multiline": "m", "dotall": "s"}[m]
			if len(m) == 1 {
				s.reFlags += m
			}
		case "cidr":
			s.net = true
		case "fieldref":
			s.ref = true
		case "exists":
			s.exists = true
		case "expand":
			s.expand = true
		case "lt", "lte", "gt", "gte":
			s.number = true
			s.cmp = map[string]compare{"lt": cmpLt, "lte": cmpLte, "gt": cmpGt, "gte": cmpGte}[m]
		case "minute", "hour", "day", "week", "month", "year":
			s.number, s.unit = true, units[m]
		case "windash", "base64", "base64offset", "wide", "utf16", "utf16le", "utf16be":
			s.change = append(s.change, m)
		default:
			return s, fmt.Errorf("modifier %q is not known", m)
		}
	}
	kinds := 0
	for _, b := range []bool{s.re, s.net, s.ref, s.exists, s.number, len(s.change) > 0} {
		if b {
			kinds++
		}
	}
	if kinds > 1 {
		return s, fmt.Errorf("modifiers %s do not go together", strings.Join(mods, "|"))
	}
	return s, nil
}

// missing tells of placeholders that have no value.
type missing struct{ names []string }

func (m missing) Error() string {
	return "needs a value for placeholder " + strings.Join(m.names, ", ")
}

// build turns an item into the question it asks.
func (it *item) build(fill map[string][]string) (*expr, error) {
	s, err := shapeOf(it.mods)
	if err != nil {
		return nil, placed{it.line, fmt.Errorf("%s: %w", it.written(), err)}
	}
	values := it.values
	if s.expand {
		if values, err = expand(values, fill); err != nil {
			return nil, placed{it.line, err}
		}
	}
	var kids []*expr
	for _, v := range values {
		atoms, err := it.atoms(v, s)
		if err != nil {
			return nil, placed{it.line, fmt.Errorf("%s: %w", it.written(), err)}
		}
		var ways []*expr
		for _, a := range atoms {
			ways = append(ways, &expr{atom: a})
		}
		kids = append(kids, or(ways))
	}
	out := or(kids)
	if s.all {
		out = and(kids)
	}
	if s.neq {
		out = not(out)
	}
	return &expr{op: opAnd, kids: []*expr{out}, item: it}, nil
}

func (it *item) written() string {
	if len(it.mods) == 0 {
		return it.field
	}
	return it.field + "|" + strings.Join(it.mods, "|")
}

// atoms gives the questions for one value, one of which must hold.
func (it *item) atoms(v value, s shape) ([]*atom, error) {
	a := &atom{field: it.field, start: s.start, end: s.end, cased: s.cased, written: v.text, bit: -1}
	if it.field == "" && (s.exists || s.ref || s.number || v.null) {
		return nil, fmt.Errorf("wants the name of a field before it")
	}
	switch {
	case s.exists:
		if v.text != "true" && v.text != "false" {
			return nil, fmt.Errorf("exists wants true or false")
		}
		a.ask, a.exists = askExists, v.text == "true"
		return []*atom{a}, nil
	case v.null:
		if len(it.mods) > 0 && !slices.Equal(it.mods, []string{"neq"}) && !slices.Equal(it.mods, []string{"all"}) {
			return nil, fmt.Errorf("null takes no modifier")
		}
		a.ask, a.written = askNull, "null"
		return []*atom{a}, nil
	case s.ref:
		a.ask, a.ref = askRef, v.text
		return []*atom{a}, nil
	case s.re:
		return a.regexp(v.text, s)
	case s.net:
		net, err := netip.ParsePrefix(v.text)
		if err != nil {
			addr, err2 := netip.ParseAddr(v.text)
			if err2 != nil {
				return nil, fmt.Errorf("%q is not a network", v.text)
			}
			net = netip.PrefixFrom(addr, addr.BitLen())
		}
		a.ask, a.net = askNet, net.Masked()
		return []*atom{a}, nil
	case s.number:
		n, err := strconv.ParseFloat(v.text, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", v.text)
		}
		a.ask, a.cmp, a.unit, a.num = askCompare, s.cmp, s.unit, n
		return []*atom{a}, nil
	}
	return a.texts(v, s, it.field == "")
}

func (a *atom) regexp(text string, s shape) ([]*atom, error) {
	if s.reFlags != "" {
		text = "(?" + s.reFlags + ")" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	a.ask, a.re, a.need = askRegexp, re, need{text: literalOf(text)}
	return []*atom{a}, nil
}

// texts makes the questions of a text value, with its permutations.
func (a *atom) texts(v value, s shape, keyword bool) ([]*atom, error) {
	all := [][]part{parseText(v.text)}
	if v.num { // hexadecimal and friends: as written and in decimal
		if n, err := strconv.ParseInt(v.text, 0, 64); err == nil {
			if d := strconv.FormatInt(n, 10); d != v.text {
				all = append(all, []part{{text: []byte(d)}})
			}
		} else if n, err := strconv.ParseFloat(v.text, 64); err == nil {
			if d := strconv.FormatFloat(n, 'f', -1, 64); d != v.text {
				all = append(all, []part{{text: []byte(d)}})
			}
		}
	}
	for _, m := range s.change {
		var next [][]part
		for _, p := range all {
			q, err := transform(m, p)
			if err != nil {
				return nil, err
			}
			next = append(next, q...)
		}
		all = next
	}
	var out []*atom
	for _, p := range all {
		many, ok := eachDash(p, 125)
		if !ok {
			many = [][]part{p}
		}
		for _, p := range many {
			b := *a
			if keyword {
				b.start, b.end = false, false
			}
			b.pattern(p)
			out = append(out, &b)
		}
	}
	return out, nil
}

// pattern makes the atom ask for a text with wildcards: stars at the ends only
// unbind the end, and without others it is a literal.
func (a *atom) pattern(p []part) {
	if len(p) > 0 && p[0].wild == many {
		p, a.start = p[1:], false
	}
	if n := len(p); n > 0 && p[n-1].wild == many {
		p, a.end = p[:n-1], false
	}
	folded := foldParts(p)
	if len(p) == 1 && p[0].wild == plain && !a.cased {
		a.ask, a.text = askLiteral, folded[0].text
		a.need = need{a.text, a.start, a.end}
		return
	}
	a.ask = askGlob
	for i, q := range folded {
		if q.wild == plain && len(q.text) > len(a.need.text) {
			a.need = need{q.text, a.start && i == 0, a.end && i == len(folded)-1}
		}
	}
	if !a.cased {
		p = folded
	}
	a.glob = glob{p, a.start, a.end}
}

// transform applies one modifier to a pattern.
func transform(mod string, p []part) ([][]part, error) {
	if mod == "windash" {
		return [][]part{withDashes(p)}, nil
	}
	all, ok := eachDash(p, 625)
	if !ok {
		return nil, fmt.Errorf("%s of so many dashes gives more than 625 texts", mod)
	}
	var out [][]part
	for _, p := range all {
		if mod == "base64" || mod == "base64offset" {
			if len(p) != 1 || p[0].wild != plain {
				return nil, fmt.Errorf("%s wants a text without wildcards", mod)
			}
			for _, t := range encode(mod, p[0].text) {
				out = append(out, []part{{text: t}})
			}
			continue
		}
		q := slices.Clone(p)
		for i := range q {
			if q[i].wild == plain {
				q[i].text = widen(mod, q[i].text)
			}
		}
		if mod == "utf16" {
			q = append([]part{{text: []byte{0xff, 0xfe}}}, q...)
			if len(q) > 1 && q[1].wild == plain {
				q = append([]part{{text: append([]byte{0xff, 0xfe}, q[1].text...)}}, q[2:]...)
			}
		}
		out = append(out, q)
	}
	return out, nil
}

// encode gives the text in base64, or for base64offset what stays the same of
// it at each of the three places that it can have in a longer text.
func encode(mod string, text []byte) [][]byte {
	if mod == "base64" {
		return [][]byte{[]byte(base64.StdEncoding.EncodeToString(text))}
	}
	var out [][]byte
	for shift, from := range []int{0, 2, 3} {
		padded := append(bytes.Repeat([]byte{' '}, shift), text...)
		s := base64.StdEncoding.EncodeToString(padded)
		to := len(s)
		switch len(padded) % 3 {
		case 1:
			to -= 3
		case 2:
			to -= 2
		}
		if from < to {
			out = append(out, []byte(s[from:to]))
		}
	}
	return out
}

func widen(mod string, text []byte) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(string(text))) {
		if mod == "utf16be" {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}
