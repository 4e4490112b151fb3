package logline

import "bytes"

// keyByte tells the bytes of which keys are made.
var keyByte = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-32] = true, true
	}
	for _, c := range "_-.@/:" {
		t[c] = true
	}
	return t
}()

// keyLen measures a key that is followed by an equals sign; 0 when there is
// none.
func keyLen(b []byte) int {
	for i := 0; i < len(b) && i < 64; i++ {
		if !keyByte[b[i]] {
			if b[i] == '=' {
				return i
			}
			return 0
		}
	}
	return 0
}

// keyAt is keyLen that tries the key which stood at this place last time first.
func (r *Reader) keyAt(b []byte, place int) int {
	if place < len(r.names.next) {
		n := &r.names.next[place]
		if k := len(n.name); n.plain && k < len(b) && b[k] == '=' && string(b[:k]) == n.name {
			return k
		}
	}
	return keyLen(b)
}

// pairs reads key=value key="quoted value", parted by blanks and by the byte
// sep where it is not a blank. A value without quotes goes on until the next
// key. It gives the text in front of the first pair, and how many there are.
func (r *Reader) pairs(b []byte, sep byte) (head []byte, n int) {
	at := 0
	for at < len(b) && keyLen(b[at:]) == 0 { // to the first key
		i := at
		for i < len(b) && b[i] != ' ' && b[i] != sep && b[i] != '\t' {
			i++
		}
		at = i + 1
	}
	at = min(at, len(b))
	head = b[:at]
	k := 0
	for at < len(b) {
		if b[at] == ' ' {
			at++
		}
		if k == 0 {
			k = r.keyAt(b[at:], len(r.fields))
		}
		if at >= len(b) {
			break
		}
		if k == 0 {
			if c := b[at]; c == ' ' || c == sep || c == '\t' || c == '\n' || c == '\r' {
				at++
				continue
			}
			// What hangs in the air behind a quoted value belongs to no key.
			i := at
			for i < len(b) && b[i] != ' ' && b[i] != sep && b[i] != '\t' {
				i++
			}
			at = i
			continue
		}
		key := b[at : at+k]
		v := at + k + 1
		value, m, next := r.pairValue(b[v:], sep)
		if !r.field(key, value) {
			r.fields[len(r.fields)-1] = Field{Rest, b[at:]}
			return head, n
		}
		n++
		at, k = v+m, next
	}
	return head, n
}

// pairValue gives the value at the start of b, the way to the next key, and the
// length of that key when it is known by then.
func (r *Reader) pairValue(b []byte, sep byte) (v []byte, n, next int) {
	if len(b) == 0 {
		return nil, 0, 0
	}
	if b[0] == '"' {
		for i, c := range b[1:min(len(b), 20)] { // most are short
			if c == '\\' {
				break
			}
			if c == '"' {
				return b[1 : i+1], i + 2, 0
			}
		}
		for i := 1; i < len(b); {
			j := bytes.IndexByte(b[i:], '"')
			if j < 0 {
				break
			}
			i += j
			if b[i-1] != '\\' || i > 1 && escapedSlash(b[:i]) {
				return b[1:i], i + 1, 0
			}
			i++
		}
		return b[1:], len(b), 0 // a line that was cut
	}
	for i, c := range b {
		switch {
		case c > ',' && c != sep:
		case c == sep && sep != ' ', c == '\t':
			return trim(b[:i]), i + 1, 0
		case c == ' ':
			if k := r.keyAt(b[i+1:], len(r.fields)+1); k > 0 {
				return trim(b[:i]), i + 1, k
			}
		}
	}
	return trim(b), len(b), 0
}

// escapedSlash says whether the backslash at the end of b is itself escaped.
func escapedSlash(b []byte) bool {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n%2 == 0
}
