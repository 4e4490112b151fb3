package territory

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// SearchKey brings a name to the form in which names are compared: lower case,
// no accents, apostrophes and hyphens as blanks, single blanks. "San Donà di
// Piave" becomes "san dona di piave", "L'Aquila" becomes "l aquila".
func SearchKey(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(unicode.ToLower(r))
		default:
			gap = true
		}
	}
	return b.String()
}

// SearchText is what the store searches for a body: its names, so that each
// word can be asked for by its beginning, and its province's sigla at the end.
func (b Body) SearchText() string {
	return " " + SearchKey(b.Name) + " " + SearchKey(b.SecondName) + " " + strings.ToLower(b.Province) + " "
}
