package logline

import "bytes"

// exim reads the main log and the reject log: a time, an id of a message or
// none, then text with H=NAME [IP]:PORT in it. The name in H= is looked up or,
// in brackets, what the client says of itself; the address in square brackets
// is Exim's own.
func (r *Reader) exim(msg []byte) bool {
	e := &r.ev
	if i := index(msg, "["); starts(msg, "[") && i == 0 { // [pid]
		if j := bytes.IndexByte(msg, ']'); j > 0 && digits(msg[1:]) == j-1 {
			msg = trim(msg[j+1:])
		}
	}
	mark, body := byte(0), msg
	if id, rest := word(msg); eximID(id) {
		r.add("id", id)
		w, more := word(rest)
		if len(w) == 2 {
			mark, body = w[0], more
		} else {
			body = rest
		}
	}
	switch {
	case mark == '<' || mark == '=' || mark == '-' || mark == '*':
		e.Product = "exim"
		r.eximHost(body)
		e.did(Mail, Success)
		if mark == '*' {
			e.Outcome = Failure
		}
		w, _ := word(body)
		if mark == '<' {
			e.Name = w
			if a := sub(body, " A="); a != nil && e.Source.IsValid() {
				w, _ := word(a)
				if _, u, ok := cut(w, ":"); ok {
					e.did(Login, Success)
					e.User = u
				}
			}
		}
		return true
	case has(body, " authenticator failed for "):
		e.Product = "exim"
		e.did(Login, Failure)
		r.eximHost(sub(body, " authenticator failed for "))
		if u := lastIndex(body, "(set_id="); u >= 0 && ends(body, ")") {
			e.person(body[u+8 : len(body)-1])
		}
		return true
	case starts(body, "H="), starts(body, "SMTP "), starts(body, "no host name found"), starts(body, "TLS error"), starts(body, "rejected "), starts(body, "unexpected disconnection"), has(body, "H=") && has(body, "reject"):
		e.Product = "exim"
		r.eximHost(body)
		r.eximReject(body)
		return true
	}
	return false
}

func eximID(b []byte) bool {
	return (len(b) == 16 || len(b) == 23) && b[6] == '-'
}

// eximHost takes the first address in square brackets behind the host, or the
// first one at all; what the client says of itself in round brackets is
// skipped.
func (r *Reader) eximHost(b []byte) {
	e := &r.ev
	if h := sub(b, "H="); h != nil {
		b = h
	}
	for tries := 0; tries < 4; tries++ {
		i := bytes.IndexByte(b, '[')
		if i < 0 {
			return
		}
		if j := bytes.IndexByte(b, '('); j >= 0 && j < i { // (helo), which may hold brackets
			if k := index(b[j:], ") ["); k > 0 {
				b = b[j+k+2:]
				continue
			}
		}
		n := addrPortLen(b[i:])
		if n > 0 && e.from(b[i:i+n]) {
			return
		}
		b = b[i+1:]
	}
}

func (r *Reader) eximReject(b []byte) {
	e := &r.ev
	switch {
	case has(b, "rejected"), has(b, "sender verify fail"), has(b, "relay not permitted"):
		e.did(Mail, Denied)
		e.Name = between(b, " F=<", ">")
		if has(b, "rejected connection") || has(b, "rejected AUTH") {
			e.did(Connect, Denied)
		}
	case has(b, "SMTP connection from"):
		e.did(Connect, Success)
	case has(b, "protocol synchronization error"), has(b, "protocol error"), has(b, "syntax error"), has(b, "unrecognized command"), has(b, "TLS error"), has(b, "SMTP call from") && has(b, "dropped"), has(b, "unexpected disconnection"):
		e.Action = Probe
	default:
		e.Action = Other
	}
}
