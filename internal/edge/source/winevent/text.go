package winevent

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// line writes a record's XML on one line, as UTF-8: line ends inside a value
// become references, those between elements go.
func line(dst []byte, xml []uint16) []byte {
	for i := 0; i < len(xml); i++ {
		r := rune(xml[i])
		if utf16.IsSurrogate(r) && i+1 < len(xml) {
			if p := utf16.DecodeRune(r, rune(xml[i+1])); p != utf8.RuneError {
				r = p
				i++
			}
		}
		switch {
		case r != '\n' && r != '\r':
			dst = utf8.AppendRune(dst, r)
		case len(dst) > 0 && dst[len(dst)-1] == '>' || i+1 < len(xml) && xml[i+1] == '<':
		case r == '\n':
			dst = append(dst, "&#10;"...)
		default:
			dst = append(dst, "&#13;"...)
		}
	}
	return dst
}

// recordID finds the number of a record in its XML, 0 when there is none.
func recordID(xml []byte) (n uint64) {
	_, rest, ok := bytes.Cut(xml, []byte("<EventRecordID>"))
	if !ok {
		return 0
	}
	for _, c := range rest[:min(len(rest), 20)] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}
