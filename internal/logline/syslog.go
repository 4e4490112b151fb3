package logline

import "bytes"

// pri reads "<134>", and behind it a line of RFC 5424 ("1 TIME HOST ...") or
// whatever the device sends.
func (r *Reader) pri(b []byte, depth int) bool {
	n := digits(b[1:])
	if n == 0 || n > 3 || len(b) < n+3 || b[n+1] != '>' {
		return false
	}
	b = b[n+2:]
	if len(b) > 2 && digits(b) == 1 && b[1] == ' ' {
		if rest, ok := r.rfc5424(b[2:]); ok {
			return r.tagged(rest, depth)
		}
	}
	return r.line(clean(b), depth+1)
}

// rfc5424 reads TIME HOST APP PROCID MSGID SD and leaves the message.
func (r *Reader) rfc5424(b []byte) ([]byte, bool) {
	e := &r.ev
	if starts(b, "- ") {
		b = b[2:]
	} else {
		rest, ok := r.iso(b)
		if !ok || len(rest) == 0 || rest[0] != ' ' {
			return nil, false
		}
		b = rest[1:]
	}
	e.Device, b = word(b)
	e.Process, b = word(b)
	_, b = word(b) // process id
	id, b := word(b)
	if string(id) != "-" {
		r.add("msgid", id)
	}
	for _, p := range [...]*[]byte{&e.Device, &e.Process} {
		if string(*p) == "-" {
			*p = nil
		}
	}
	if starts(b, "-") {
		b = b[1:]
	} else {
		b = r.structured(b)
	}
	b = trim(b)
	if starts(b, "\xef\xbb\xbf") {
		b = b[3:]
	}
	return b, true
}

// structured reads [id key="value" ...][id ...], where \" \\ and \] are
// escaped, and gives what follows.
func (r *Reader) structured(b []byte) []byte {
	for len(b) > 0 && b[0] == '[' {
		i := 1
		for i < len(b) && b[i] != ' ' && b[i] != ']' && b[i] != '"' {
			i++
		}
		if i < len(b) && b[i] == '"' { // no such data: Check Point writes key:"value" here
			return b
		}
		for i < len(b) && b[i] == ' ' {
			i++
			k := i
			for i < len(b) && b[i] != '=' && b[i] != ']' && b[i] != ' ' {
				i++
			}
			if i+1 >= len(b) || b[i] != '=' || b[i+1] != '"' {
				break
			}
			key := b[k:i]
			i += 2
			v := i
			for i < len(b) && b[i] != '"' {
				if b[i] == '\\' {
					i++
				}
				i++
			}
			i = min(i, len(b))
			r.field(key, r.unescape(b[v:i], '\\'))
			i++
		}
		if i >= len(b) || b[i] != ']' {
			return b[min(i, len(b)):]
		}
		b = b[i+1:]
	}
	return b
}

// unescape takes away the escape byte before another byte.
func (r *Reader) unescape(b []byte, esc byte) []byte {
	if bytes.IndexByte(b, esc) < 0 {
		return b
	}
	from := len(r.buf)
	for i := 0; i < len(b); i++ {
		if b[i] == esc && i+1 < len(b) {
			i++
			if b[i] == 'n' {
				r.buf = append(r.buf, '\n')
				continue
			}
			if b[i] != esc && b[i] != '=' && b[i] != '|' && b[i] != '"' && b[i] != ']' {
				r.buf = append(r.buf, esc)
			}
		}
		r.buf = append(r.buf, b[i])
	}
	return r.buf[from:]
}

// host reads what follows the time of RFC 3164 and of journald: the name of
// the machine, then the program and its message. Cisco leaves the name out, and
// so do programs that write the file themselves.
func (r *Reader) host(b []byte, depth int) bool {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if len(b) > 0 && b[0] == ':' {
		return r.content(trim(b[1:]), depth)
	}
	w, rest := word(b)
	if len(w) > 1 && w[len(w)-1] == ':' { // a program without a machine
		return r.tag(b, depth)
	}
	r.ev.Device = w
	if said, ok := after(rest, "last message repeated "); ok {
		return r.again(said)
	}
	for len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	if starts(rest, ": ") {
		return r.content(rest[2:], depth)
	}
	return r.tag(rest, depth)
}

// tag reads "sshd[24200]: text", "kernel: text", "sshd(pam_unix)[123]: text".
func (r *Reader) tag(b []byte, depth int) bool {
	i := 0
	for i < len(b) && i < 64 && b[i] > ' ' && b[i] != ':' && b[i] != '[' && b[i] != '(' {
		i++
	}
	name, end := b[:i], i
	if i > 0 && i < len(b) && b[i] == '(' {
		if j := bytes.IndexByte(b[i:min(len(b), i+64)], ')'); j > 0 {
			end = i + j + 1
		}
	}
	if i > 0 && end < len(b) && b[end] == '[' {
		if j := bytes.IndexByte(b[end:min(len(b), end+64)], ']'); j > 0 {
			end += j + 1
		}
	}
	if string(name) == "proftpd" && end < len(b) && b[end] == ' ' { // its own file has no colon here
		r.ev.Process = name
		return r.tagged(trim(b[end+1:]), depth)
	}
	if i == 0 || end >= len(b) || b[end] != ':' || end+1 < len(b) && b[end+1] != ' ' && b[end+1] != '\t' && end+1 != i+1 {
		return r.content(b, depth)
	}
	if j := bytes.LastIndexByte(name, '/'); j >= 0 && j+1 < len(name) { // postfix/smtpd keeps its first name
		if !starts(name, "postfix") {
			name = name[j+1:]
		}
	}
	r.ev.Process = name
	msg := b[end+1:]
	for len(msg) > 0 && msg[0] == ' ' {
		msg = msg[1:]
	}
	if starts(b[i:], "(pam_") { // the older way: su(pam_unix)[31373]: session closed
		return r.pamTagged(name, msg)
	}
	return r.tagged(msg, depth)
}

// repeated undoes "message repeated 5 times: [ text ]".
func (r *Reader) repeated(msg []byte) []byte {
	rest, ok := after(msg, "message repeated ")
	if !ok {
		return msg
	}
	d := digits(rest)
	n, ok := number(rest[:d])
	inner, found := after(rest[d:], " times: [ ")
	if !ok || !found || n < 1 || n > 1_000_000 {
		return msg
	}
	r.ev.Repeat = n
	return bytes.TrimSuffix(trim(inner), []byte("]"))
}

// tagged reads the message of a known or unknown program.
func (r *Reader) tagged(msg []byte, depth int) bool {
	e := &r.ev
	if starts(msg, "message repeated ") {
		msg = r.repeated(msg)
	}
	n := e.Repeat
	ok := r.program(e.Process, msg, depth)
	if n > 1 && e.Repeat == 1 {
		e.Repeat = n
	}
	return ok
}
