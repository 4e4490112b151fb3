package pattern

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

type kind int

const (
	end     kind = iota
	word         // identifier or keyword
	mark         // [ ] ( ) : . , * and operators
	text         // 'string'
	whole        // integer
	decimal      // number with a point
	stamp        // t'...'
	binary       // b'...'
	hexed        // h'...'
)

type token struct {
	kind kind
	text string // of strings and literals: what stands between the quotes, unescaped
	at   int    // byte offset
}

func (t token) String() string {
	if t.kind == end {
		return "the end"
	}
	return fmt.Sprintf("«%s»", t.text)
}

// lexer cuts a pattern into tokens.
type lexer struct {
	src string
	pos int
}

func (l *lexer) fail(at int, format string, args ...any) error {
	before := l.src[:min(at, len(l.src))]
	line := strings.Count(before, "\n") + 1
	col := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return &Error{line, col, fmt.Sprintf(format, args...)}
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// next gives the next token; white space and comments (// and /* */) are skipped.
func (l *lexer) next() (token, error) {
	l.blank()
	at := l.pos
	if at >= len(l.src) {
		return token{end, "", at}, nil
	}
	c := l.src[at]
	switch {
	case (c == 't' || c == 'b' || c == 'h') && at+1 < len(l.src) && l.src[at+1] == '\'':
		l.pos++
		s, err := l.quoted()
		return token{map[byte]kind{'t': stamp, 'b': binary, 'h': hexed}[c], s, at}, err
	case c == '\'':
		s, err := l.quoted()
		return token{text, s, at}, err
	case letter(c):
		for l.pos < len(l.src) && (letter(l.src[l.pos]) || digit(l.src[l.pos]) || l.src[l.pos] == '-') {
			l.pos++
		}
		return token{word, l.src[at:l.pos], at}, nil
	case digit(c) || (c == '-' || c == '+' || c == '.') && at+1 < len(l.src) && (digit(l.src[at+1]) || c != '.' && l.src[at+1] == '.'):
		return l.number()
	}
	for _, op := range []string{"!=", "<>", "<=", ">=", "=="} {
		if strings.HasPrefix(l.src[at:], op) {
			l.pos += 2
			return token{mark, op, at}, nil
		}
	}
	if strings.IndexByte("[]():.,*=<>", c) >= 0 {
		l.pos++
		return token{mark, string(c), at}, nil
	}
	r, _ := utf8.DecodeRuneInString(l.src[at:])
	return token{}, l.fail(at, "no pattern has %q here", r)
}

func (l *lexer) blank() {
	for l.pos < len(l.src) {
		switch rest := l.src[l.pos:]; {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			l.pos++
		case strings.HasPrefix(rest, "\u00a0"), strings.HasPrefix(rest, "\u0085"):
			l.pos += 2
		case strings.HasPrefix(rest, "//"):
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				l.pos += i
			} else {
				l.pos = len(l.src)
			}
		case strings.HasPrefix(rest, "/*"):
			i := strings.Index(rest[2:], "*/")
			if i < 0 {
				return // the slash is then the error
			}
			l.pos += i + 4
		default:
			return
		}
	}
}

// quoted reads a string in single quotes; \' and \\ are its only escapes, any
// other backslash stands for itself together with what follows (MATCHES needs it).
func (l *lexer) quoted() (string, error) {
	at := l.pos
	var b strings.Builder
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch c := l.src[l.pos]; c {
		case '\'':
			l.pos++
			return b.String(), nil
		case '\\':
			if l.pos+1 >= len(l.src) {
				return "", l.fail(at, "the string is not closed")
			}
			l.pos++
			if n := l.src[l.pos]; n != '\'' && n != '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(l.src[l.pos])
		default:
			b.WriteByte(c)
		}
	}
	return "", l.fail(at, "the string is not closed")
}

func (l *lexer) number() (token, error) {
	at, k := l.pos, whole
	if c := l.src[at]; c == '-' || c == '+' {
		l.pos++
	}
	for l.pos < len(l.src) && digit(l.src[l.pos]) {
		l.pos++
	}
	if l.pos+1 < len(l.src) && l.src[l.pos] == '.' && digit(l.src[l.pos+1]) {
		k = decimal
		for l.pos++; l.pos < len(l.src) && digit(l.src[l.pos]); {
			l.pos++
		}
	}
	return token{k, l.src[at:l.pos], at}, nil
}
