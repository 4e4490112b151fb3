package logline

import (
	"bytes"
	"unicode/utf8"
)

// xml takes one event of Windows apart: each element of System and each named
// Data becomes a field under the name that Windows gives it; attributes that
// matter get the names that detection rules use (Provider_Name). It reads this
// one kind of XML and nothing else: no declarations, no entities of one's own.
func (r *Reader) xml(b []byte) bool {
	if starts(b, "<?xml") {
		if i := index(b, "?>"); i > 0 {
			b = trimLines(b[i+2:])
		}
	}
	if !starts(b, "<Event") {
		return false
	}
	var stack [maxNest][]byte
	depth := 0
	var dataName []byte
	var textFrom int
	at := 0
	for at < len(b) {
		i := bytes.IndexByte(b[at:], '<')
		if i < 0 {
			break
		}
		open := at + i
		if starts(b[open:], "<![CDATA[") {
			j := index(b[open:], "]]>")
			if j < 0 {
				break
			}
			at = open + j + 3
			continue
		}
		n := tagEnd(b[open:])
		if n == 0 {
			break
		}
		tag := b[open+1 : open+n-1]
		at = open + n
		switch {
		case len(tag) == 0 || tag[0] == '!' || tag[0] == '?':
		case tag[0] == '/':
			if depth > 0 {
				depth--
				if textFrom > 0 && depth < maxNest {
					r.xmlText(stack[depth], dataName, b[textFrom:open])
				}
			}
			textFrom = 0
		default:
			selfClosed := tag[len(tag)-1] == '/'
			name := tag[:nameLen(tag)]
			dataName = r.xmlAttributes(name, tag[len(name):])
			if !selfClosed {
				if depth < maxNest {
					stack[depth] = name
				}
				depth++
				textFrom = at
			}
		}
	}
	return r.windows()
}

func trimLines(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	return b
}

// tagEnd measures a tag from < to >; a > in a quoted attribute does not end it.
func tagEnd(b []byte) int {
	q := byte(0)
	for i, c := range b {
		switch {
		case q != 0:
			if c == q {
				q = 0
			}
		case c == '"' || c == '\'':
			q = c
		case c == '>':
			return i + 1
		}
	}
	return 0
}

func nameLen(b []byte) int {
	for i, c := range b {
		if c <= ' ' || c == '/' {
			return i
		}
	}
	return len(b)
}

// xmlAttributes keeps the attributes that say something, and gives the Name
// attribute of Data.
func (r *Reader) xmlAttributes(elem, b []byte) (name []byte) {
	for {
		for len(b) > 0 && (b[0] <= ' ' || b[0] == '/') {
			b = b[1:]
		}
		i := bytes.IndexByte(b, '=')
		if i <= 0 || i+1 >= len(b) || b[i+1] != '"' && b[i+1] != '\'' {
			return name
		}
		key := b[:i]
		j := bytes.IndexByte(b[i+2:], b[i+1])
		if j < 0 {
			return name
		}
		v := b[i+2 : i+2+j]
		b = b[i+3+j:]
		switch string(elem) {
		case "Provider":
			if string(key) == "Name" {
				r.add("Provider_Name", r.entities(v))
			}
		case "TimeCreated":
			if string(key) == "SystemTime" {
				r.add("TimeCreated", v)
			}
		case "Execution":
			r.add("Execution_"+string(key[:min(len(key), 16)]), v)
		case "Security":
			if string(key) == "UserID" {
				r.add("Security_UserID", v)
			}
		case "Data", "ComplexData":
			if string(key) == "Name" {
				name = v
			}
		}
	}
}

// xmlText makes a field of the text of an element.
func (r *Reader) xmlText(elem, dataName, text []byte) {
	name := elem
	if string(elem) == "Data" && dataName != nil {
		name = dataName
	}
	t := trimLines(bytes.TrimRight(text, " \t\r\n"))
	if c, ok := after(t, "<![CDATA["); ok {
		t = bytes.TrimSuffix(c, []byte("]]>"))
	} else {
		t = r.entities(t)
	}
	switch string(elem) {
	case "System", "EventData", "Event", "UserData", "RenderingInfo", "Keyword":
		return
	}
	if !r.field(name, t) {
		r.fields[len(r.fields)-1] = Field{Rest, text}
	}
}

// entities decodes &lt; &#10; and their kin.
func (r *Reader) entities(b []byte) []byte {
	if bytes.IndexByte(b, '&') < 0 {
		return b
	}
	from := len(r.buf)
	for len(b) > 0 {
		if b[0] == '&' {
			if i := bytes.IndexByte(b[:min(len(b), 12)], ';'); i > 1 {
				if c := entity(b[1:i]); c >= 0 {
					r.buf = utf8.AppendRune(r.buf, c)
					b = b[i+1:]
					continue
				}
			}
		}
		r.buf = append(r.buf, b[0])
		b = b[1:]
	}
	return r.buf[from:]
}

func entity(b []byte) rune {
	switch string(b) {
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "amp":
		return '&'
	case "quot":
		return '"'
	case "apos":
		return '\''
	}
	if b[0] != '#' || len(b) < 2 {
		return -1
	}
	if b[1] == 'x' || b[1] == 'X' {
		var v rune
		for _, c := range b[2:] {
			h, n := hex4([]byte{'0', '0', '0', c})
			if n < 4 {
				return -1
			}
			v = v<<4 | h
		}
		return v
	}
	if n, ok := number(b[1:]); ok {
		return rune(n)
	}
	return -1
}
