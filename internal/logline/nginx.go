package logline

import "bytes"

// nginxError reads "[error] 8#8: *15950 text, client: IP, server: NAME, request: "…"".
// What a client wrote may hold the same words: the values are taken from the
// last place where the server writes them.
func (r *Reader) nginxError(rest []byte) bool {
	e := &r.ev
	lvl := between(rest[:min(len(rest), 16)], "[", "]")
	if lvl == nil {
		return false
	}
	said := trim(rest[len(lvl)+2:])
	if n := digits(said); n == 0 || n >= len(said) || said[n] != '#' {
		return false
	}
	if j := index(said, ": "); j > 0 {
		said = said[j+2:]
	}
	if starts(said, "*") {
		_, said = word(said)
	}
	e.Product, e.Action, e.Channel = "nginx", Other, lvl
	text, tail := said, []byte(nil)
	if j := nginxTail(said); j >= 0 {
		text, tail = said[:j], said[j:]
		v := tail[len(", client: "):]
		w := wordUntil(v)
		e.from(w)
		if h := between(tail, ", host: \"", "\""); h != nil {
			e.Host = h
		}
		if q := sub(tail, ", request: \""); q != nil {
			if k := bytes.IndexByte(q, '"'); k >= 0 {
				q = q[:k]
			}
			e.asked(q)
		}
		if u := between(tail, ", login: \"", "\""); u != nil {
			e.person(u)
		}
		if s := between(tail, ", server: ", ","); s != nil {
			r.add("server", s)
		}
	}
	nginxForms.read(text, e)
	switch {
	case e.Action != Other:
	case has(text, "access forbidden by rule"), has(text, "limiting requests"), has(text, "limiting connections"):
		e.did(Request, Denied)
	case has(text, "PHP message: ") && appVerdict(text):
		e.did(Login, Failure)
	case e.Method != nil:
		e.did(Request, Failure)
	case has(text, "SSL_do_handshake() failed"), has(text, "client sent invalid"), has(text, "client prematurely closed"):
		e.Action = Probe
	case has(text, "could not be resolved"):
		e.Action = Connect
	}
	return true
}

// nginxTail finds where the server's own values begin: the last ", client: "
// before the request, which is the first one written by a client.
func nginxTail(b []byte) int {
	const key = ", client: "
	end := len(b)
	if i := index(b, ", request: \""); i >= 0 {
		end = i
	}
	return lastIndex(b[:end], key)
}

var nginxForms = compile(
	form{text: "user \"{user}\" was not found in \"", action: InvalidUser, outcome: Failure},
	form{text: "user \"{user}\": password mismatch", action: Login, outcome: Failure},
	form{text: "no user/password was provided", action: Request, outcome: Denied},
	form{text: "client login failed: ", action: Login, outcome: Failure},
	form{text: "client logged in", action: Login, outcome: Success},
	form{text: "client {from} connected to {to}", action: Connect, outcome: Success},
	form{text: "proxied session done", action: Close},
)
