package reading

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Encoding is how a text file writes its characters.
type Encoding uint8

// Bytes is everything whose lines end with the byte 10: ASCII, UTF-8, Latin-1.
const (
	Bytes Encoding = iota
	UTF16LE
	UTF16BE
)

// Sniff tells the encoding from the first bytes of a file, and how long the
// mark is that says so. Without a mark, UTF-16 shows itself by zeros in every
// second byte; a file of zeros alone is no text.
func Sniff(head []byte) (e Encoding, mark int) {
	switch {
	case len(head) >= 2 && head[0] == 0xff && head[1] == 0xfe:
		return UTF16LE, 2
	case len(head) >= 2 && head[0] == 0xfe && head[1] == 0xff:
		return UTF16BE, 2
	case len(head) >= 3 && head[0] == 0xef && head[1] == 0xbb && head[2] == 0xbf:
		return Bytes, 3
	}
	var zeros [2]int
	n := len(head) &^ 1
	for i := range n {
		if head[i] == 0 {
			zeros[i&1]++
		}
	}
	switch {
	case n < 8:
	case zeros[0] == 0 && zeros[1]*4 >= n/2*3:
		return UTF16LE, 0
	case zeros[1] == 0 && zeros[0]*4 >= n/2*3:
		return UTF16BE, 0
	}
	return Bytes, 0
}

// FromUTF16 appends the text of UTF-16 bytes as UTF-8; half a character at the
// end and what is no pair become the replacement character.
func FromUTF16(dst, b []byte, e Encoding) []byte {
	unit := func(i int) rune {
		if e == UTF16BE {
			return rune(b[i])<<8 | rune(b[i+1])
		}
		return rune(b[i+1])<<8 | rune(b[i])
	}
	i := 0
	for ; i+1 < len(b); i += 2 {
		r := unit(i)
		if utf16.IsSurrogate(r) {
			if i+3 < len(b) {
				if p := utf16.DecodeRune(r, unit(i+2)); p != utf8.RuneError {
					dst = utf8.AppendRune(dst, p)
					i += 2
					continue
				}
			}
			r = utf8.RuneError
		}
		dst = utf8.AppendRune(dst, r)
	}
	if i < len(b) {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	return dst
}

// Text gives a line as UTF-8. Valid UTF-8 comes back as it is, without a copy;
// otherwise each byte that belongs to no valid character is taken as Latin-1,
// into buf.
func Text(line []byte, buf *[]byte) []byte {
	if utf8.Valid(line) {
		return line
	}
	out := (*buf)[:0]
	for len(line) > 0 {
		r, n := utf8.DecodeRune(line)
		if r == utf8.RuneError && n == 1 {
			r = rune(line[0])
		}
		out = utf8.AppendRune(out, r)
		line = line[n:]
	}
	*buf = out
	return out
}

// Whole shortens a line that was cut at the limit to its last whole character.
func Whole(line []byte) []byte {
	for i := 1; i <= 3 && i < len(line); i++ {
		c := line[len(line)-i]
		if utf8.RuneStart(c) {
			if !utf8.FullRune(line[len(line)-i:]) {
				return line[:len(line)-i]
			}
			return line
		}
	}
	return line
}
