package sigma

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// wild tells what a part of a text pattern stands for.
type wild uint8

const (
	plain wild = iota // its own bytes
	many              // *: any bytes, none too
	one               // ?: one character
	dash              // one of the five characters that begin an option
)

type part struct {
	wild wild
	text []byte
}

// dashes are what windash takes for one another.
var dashes = []string{"-", "/", "–", "—", "―"}

// parseText reads a value with * and ? and their escapes. A backslash before *,
// ? or another backslash stands for that character; any other is itself.
func parseText(s string) []part {
	var out []part
	var b []byte
	flush := func() {
		if len(b) > 0 {
			out = append(out, part{text: b})
			b = nil
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && (s[i+1] == '*' || s[i+1] == '?' || s[i+1] == '\\'):
			i++
			b = append(b, s[i])
		case c == '*':
			flush()
			if len(out) == 0 || out[len(out)-1].wild != many {
				out = append(out, part{wild: many})
			}
		case c == '?':
			flush()
			out = append(out, part{wild: one})
		default:
			b = append(b, c)
		}
	}
	flush()
	return out
}

// fold appends s in the one form that texts equal but for their case share. It
// leaves bytes alone that are no UTF-8.
func fold(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = append(dst, lower[c])
			i++
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, c)
		} else {
			dst = utf8.AppendRune(dst, foldRune(r))
		}
		i += n
	}
	return dst
}

var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()

// foldRune gives the smallest of the characters that differ in case only; of
// ASCII letters the small one, of which every other is a form.
func foldRune(r rune) rune {
	least := r
	for n := unicode.SimpleFold(r); n != r; n = unicode.SimpleFold(n) {
		least = min(least, n)
	}
	if least < utf8.RuneSelf {
		return rune(lower[least])
	}
	return least
}

func foldParts(in []part) []part {
	out := make([]part, len(in))
	for i, p := range in {
		out[i] = part{p.wild, fold(nil, p.text)}
	}
	return out
}

// glob matches parts against a whole value, or against any place in it where an
// end is free. Its time is at worst the product of both lengths.
type glob struct {
	parts      []part // no many at either end
	start, end bool   // whether the ends of the value bind
}

func (g glob) match(v []byte) bool {
	seg, rest, last := cutMany(g.parts)
	if g.start {
		n, ok := segment(seg, v)
		if !ok || last {
			return ok && (!g.end || n == len(v))
		}
		v = v[n:]
		seg, rest, last = cutMany(rest)
	}
	for {
		at, n := -1, 0
		for i := 0; i <= len(v); i++ {
			j := skipTo(seg, v[i:])
			if j < 0 {
				break
			}
			i += j
			if m, ok := segment(seg, v[i:]); ok && (!last || !g.end || i+m == len(v)) {
				at, n = i, m
				break
			}
		}
		if at < 0 {
			return false
		}
		if last {
			return true
		}
		v = v[at+n:]
		seg, rest, last = cutMany(rest)
	}
}

func cutMany(p []part) (seg, rest []part, last bool) {
	for i := range p {
		if p[i].wild == many {
			return p[:i], p[i+1:], false
		}
	}
	return p, nil, true
}

// skipTo gives where a segment that begins with plain text can begin at first.
func skipTo(seg []part, v []byte) int {
	if len(seg) == 0 || seg[0].wild != plain {
		return 0
	}
	return bytes.Index(v, seg[0].text)
}

// segment matches parts without * at the beginning of v and gives their length.
func segment(seg []part, v []byte) (int, bool) {
	n := 0
	for _, p := range seg {
		switch p.wild {
		case plain:
			if !bytes.HasPrefix(v[n:], p.text) {
				return 0, false
			}
			n += len(p.text)
		case one:
			if n >= len(v) {
				return 0, false
			}
			_, size := utf8.DecodeRune(v[n:])
			n += size
		case dash:
			size := dashAt(v[n:])
			if size == 0 {
				return 0, false
			}
			n += size
		}
	}
	return n, true
}

// dashAt gives the length of the dash that v begins with, or 0.
func dashAt(v []byte) int {
	if len(v) == 0 {
		return 0
	}
	if v[0] == '-' || v[0] == '/' {
		return 1
	}
	if len(v) >= 3 && v[0] == 0xe2 && v[1] == 0x80 && v[2] >= 0x93 && v[2] <= 0x95 {
		return 3
	}
	return 0
}

// withDashes turns every dash of the plain parts into a dash part.
func withDashes(in []part) []part {
	var out []part
	for _, p := range in {
		if p.wild != plain {
			out = append(out, p)
			continue
		}
		from := 0
		for i := 0; i < len(p.text); {
			n := dashAt(p.text[i:])
			if n == 0 {
				i++
				continue
			}
			if i > from {
				out = append(out, part{text: p.text[from:i]})
			}
			out = append(out, part{wild: dash, text: p.text[i : i+n]})
			i += n
			from = i
		}
		if from < len(p.text) {
			out = append(out, part{text: p.text[from:]})
		}
	}
	return out
}

// eachDash writes out the dash parts as every one of the five, unless that
// gives more than limit patterns.
func eachDash(in []part, limit int) ([][]part, bool) {
	n := 1
	for _, p := range in {
		if p.wild == dash {
			if n *= len(dashes); n > limit {
				return nil, false
			}
		}
	}
	out := [][]part{nil}
	for _, p := range in {
		choice := []part{p}
		if p.wild == dash {
			choice = choice[:0]
			for _, d := range dashes {
				choice = append(choice, part{text: []byte(d)})
			}
		}
		var next [][]part
		for _, have := range out {
			for _, c := range choice {
				next = append(next, join(have, c))
			}
		}
		out = next
	}
	return out, true
}

// join appends a part to a copy, putting neighbouring plain texts together.
func join(have []part, p part) []part {
	out := append(make([]part, 0, len(have)+1), have...)
	if n := len(out) - 1; n >= 0 && p.wild == plain && out[n].wild == plain {
		out[n] = part{text: append(bytes.Clone(out[n].text), p.text...)}
		return out
	}
	return append(out, p)
}
