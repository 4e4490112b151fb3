package logline

import "unicode/utf8"

// maxNest is how deep objects are taken apart; what lies deeper stays one value.
const maxNest = 16

// object walks over one JSON object and makes a field of every value in it,
// named by the path that leads there: {"a":{"b":1}} gives a.b = 1. The values
// of a list carry the same name. It trusts nothing: what is no JSON ends the
// walk, and what was read until then counts.
func (r *Reader) object(b []byte) bool {
	w := walker{r: r, b: b}
	w.blank()
	ok := w.at < len(b) && b[w.at] == '{' && w.value(0)
	if ok {
		w.blank()
		ok = w.at == len(b)
	}
	return ok || len(r.fields) > 1
}

type walker struct {
	r    *Reader
	b    []byte
	at   int
	path [512]byte
	n    int // of path
}

func (w *walker) blank() {
	for w.at < len(w.b) && (w.b[w.at] == ' ' || w.b[w.at] == '\t' || w.b[w.at] == '\n' || w.b[w.at] == '\r') {
		w.at++
	}
}

// value reads one value whose name is the path.
func (w *walker) value(depth int) bool {
	w.blank()
	if w.at >= len(w.b) {
		return false
	}
	start := w.at
	switch w.b[w.at] {
	case '{', '[':
		if depth < maxNest {
			if w.b[w.at] == '{' {
				return w.members(depth)
			}
			return w.list(depth)
		}
		if !w.skip() {
			return false
		}
		return w.emit(w.b[start:w.at])
	case '"':
		s, ok := w.text()
		return ok && w.emit(s)
	}
	for w.at < len(w.b) && w.b[w.at] != ',' && w.b[w.at] != '}' && w.b[w.at] != ']' && w.b[w.at] > ' ' {
		w.at++
	}
	if v := w.b[start:w.at]; string(v) != "null" {
		return len(v) > 0 && w.emit(v)
	}
	return true
}

func (w *walker) emit(v []byte) bool {
	if w.n == 0 {
		return true
	}
	if !w.r.field(w.path[:w.n], v) {
		w.r.fields[len(w.r.fields)-1] = Field{Rest, w.b[w.at:]}
		return false
	}
	return true
}

func (w *walker) members(depth int) bool {
	w.at++
	base := w.n
	for {
		w.blank()
		if w.at >= len(w.b) {
			return false
		}
		if w.b[w.at] == '}' {
			w.at++
			return true
		}
		if w.b[w.at] == ',' {
			w.at++
			continue
		}
		if w.b[w.at] != '"' {
			return false
		}
		key, ok := w.text()
		if !ok {
			return false
		}
		w.blank()
		if w.at >= len(w.b) || w.b[w.at] != ':' {
			return false
		}
		w.at++
		if base > 0 && w.n < len(w.path) {
			w.path[w.n] = '.'
			w.n++
		}
		w.n += copy(w.path[w.n:], key)
		ok = w.value(depth + 1)
		w.n = base
		if !ok {
			return false
		}
	}
}

func (w *walker) list(depth int) bool {
	w.at++
	for {
		w.blank()
		if w.at >= len(w.b) {
			return false
		}
		switch w.b[w.at] {
		case ']':
			w.at++
			return true
		case ',':
			w.at++
			continue
		}
		if !w.value(depth + 1) {
			return false
		}
	}
}

// skip goes over one object or list without looking into it.
func (w *walker) skip() bool {
	open := 0
	for w.at < len(w.b) {
		switch w.b[w.at] {
		case '"':
			if _, ok := w.text(); !ok {
				return false
			}
			continue
		case '{', '[':
			open++
		case '}', ']':
			if open--; open == 0 {
				w.at++
				return true
			}
		}
		w.at++
	}
	return false
}

// text reads a string; without escapes it is a piece of the line itself.
func (w *walker) text() ([]byte, bool) {
	w.at++
	start := w.at
	for w.at < len(w.b) {
		switch w.b[w.at] {
		case '"':
			w.at++
			return w.b[start : w.at-1], true
		case '\\':
			return w.escaped(start)
		}
		w.at++
	}
	return nil, false
}

func (w *walker) escaped(start int) ([]byte, bool) {
	r := w.r
	from := len(r.buf)
	r.buf = append(r.buf, w.b[start:w.at]...)
	for w.at < len(w.b) {
		c := w.b[w.at]
		switch {
		case c == '"':
			w.at++
			return r.buf[from:], true
		case c != '\\':
			r.buf = append(r.buf, c)
			w.at++
			continue
		}
		if w.at+1 >= len(w.b) {
			return nil, false
		}
		c = w.b[w.at+1]
		w.at += 2
		switch c {
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		case 'r':
			c = '\r'
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'u':
			u, n := hex4(w.b[w.at:])
			w.at += n
			if n == 4 && u >= 0xd800 && u < 0xdc00 && w.at+6 <= len(w.b) && w.b[w.at] == '\\' && w.b[w.at+1] == 'u' {
				if lo, m := hex4(w.b[w.at+2:]); m == 4 && lo >= 0xdc00 && lo < 0xe000 {
					u = 0x10000 + (u-0xd800)<<10 + (lo - 0xdc00)
					w.at += 6
				}
			}
			r.buf = utf8.AppendRune(r.buf, u)
			continue
		}
		r.buf = append(r.buf, c)
	}
	return nil, false
}

func hex4(b []byte) (v rune, n int) {
	for n < 4 && n < len(b) {
		c := b[n]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return utf8.RuneError, n
		}
		v = v<<4 | rune(c)
		n++
	}
	if n < 4 {
		return utf8.RuneError, n
	}
	return v, n
}
