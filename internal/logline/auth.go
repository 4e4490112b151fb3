package logline

import "bytes"

// sshd reads what OpenSSH says. The address is taken from the end of the line:
// a user name may contain "from 192.0.2.1 port 22", and must not become
// somebody else's address.
func sshd(msg []byte, e *Event) {
	cut := func(prefix string) bool {
		rest, ok := bytes.CutPrefix(msg, []byte(prefix))
		if ok {
			msg = rest
		}
		return ok
	}
	switch {
	case cut("Failed "), cut("error: Failed "):
		// Failed METHOD for [invalid user] NAME from IP port N ssh2
		e.Action, e.Outcome = "login", Attempt
		if i := bytes.Index(msg, []byte(" for ")); i >= 0 {
			e.Method = string(msg[:i])
			msg = msg[i+5:]
		}
		msg, _ = bytes.CutPrefix(msg, []byte("invalid user "))
		tail(msg, e)
		if e.Method == "none" {
			e.Outcome, e.Action = "", "probe" // asked what is allowed, tried nothing
		}
	case cut("Accepted "):
		e.Action, e.Outcome = "login", Success
		if i := bytes.Index(msg, []byte(" for ")); i >= 0 {
			e.Method = string(msg[:i])
			msg = msg[i+5:]
		}
		tail(msg, e)
	case cut("Invalid user "):
		e.Action, e.Outcome = "invalid_user", Attempt
		tail(msg, e)
	case cut("error: maximum authentication attempts exceeded for "), cut("maximum authentication attempts exceeded for "):
		msg, _ = bytes.CutPrefix(msg, []byte("invalid user "))
		e.Action, e.Outcome = "limit", Attempt
		tail(msg, e)
	case cut("Connection closed by "), cut("Connection reset by "), cut("Disconnected from "), cut("Received disconnect from "):
		e.Action = "close"
		closing(msg, e)
	case cut("reverse mapping checking getaddrinfo for "):
		e.Action = "probe"
		if i, j := bytes.IndexByte(msg, '['), bytes.IndexByte(msg, ']'); i >= 0 && j > i {
			e.Source, _ = ip(msg[i+1 : j])
		}
	case cut("Did not receive identification string from "), cut("banner exchange: Connection from "), cut("Unable to negotiate with "):
		e.Action = "probe"
		closing(msg, e)
	}
}

// tail reads "NAME from IP [port N] [ssh2...]" from its end.
func tail(msg []byte, e *Event) {
	i := bytes.LastIndex(msg, []byte(" from "))
	if i < 0 {
		return
	}
	e.User = string(msg[:i])
	f := bytes.Fields(msg[i+6:])
	if len(f) == 0 {
		return
	}
	e.Source, _ = ip(f[0])
	if len(f) >= 3 && string(f[1]) == "port" {
		e.SrcPort = port(bytes.TrimSuffix(f[2], []byte(":")))
	}
}

// closing reads "[authenticating|invalid user NAME] IP [port N] [preauth]" and
// "IP port N:11: text": the address is the last one that stands before "port",
// or the first field.
func closing(msg []byte, e *Event) {
	msg = bytes.TrimSuffix(msg, []byte(" [preauth]"))
	user := false
	for _, p := range []string{"authenticating user ", "invalid user ", "user "} {
		if rest, ok := bytes.CutPrefix(msg, []byte(p)); ok {
			msg, user = rest, true
			break
		}
	}
	f := bytes.Fields(msg)
	for i := len(f) - 1; i > 0; i-- {
		if string(f[i-1]) != "port" && string(f[i]) == "port" {
			if a, ok := ip(f[i-1]); ok {
				e.Source = a
				if i+1 < len(f) {
					p, _, _ := bytes.Cut(f[i+1], []byte(":"))
					e.SrcPort = port(p)
				}
				if user && i >= 2 {
					e.User = string(bytes.Join(f[:i-1], []byte(" ")))
				}
				return
			}
		}
	}
	if len(f) > 0 {
		e.Source, _ = ip(bytes.TrimRight(f[0], ":"))
	}
}

// pam reads pam_unix and its kin: "pam_unix(sshd:auth): authentication failure;
// logname= uid=0 euid=0 tty=ssh ruser= rhost=IP  user=NAME".
func pam(msg []byte, e *Event) bool {
	fail := bytes.Contains(msg, []byte("authentication failure;")) || bytes.HasPrefix(msg, []byte("authentication failure;"))
	if !fail {
		return false
	}
	e.Action, e.Outcome = "pam", Attempt
	for _, f := range bytes.Fields(msg) {
		k, v, ok := bytes.Cut(f, []byte("="))
		if !ok {
			continue
		}
		switch string(k) {
		case "rhost":
			e.Source, _ = ip(v)
		case "user":
			e.User = string(v)
		}
	}
	if bytes.Contains(msg, []byte(" more authentication failure")) {
		e.Action = "pam_more" // sums up what other lines said already
	}
	return true
}

// sudo reads "NAME : 3 incorrect password attempts ; TTY=... ; USER=root ; COMMAND=..."
// and "NAME : user NOT in sudoers ; ...".
func sudo(msg []byte, e *Event) {
	if pam(msg, e) {
		e.Product = "sudo"
		return
	}
	name, rest, ok := bytes.Cut(bytes.TrimLeft(msg, " "), []byte(" : "))
	if !ok {
		return
	}
	e.User, e.Action = string(name), "sudo"
	switch {
	case bytes.Contains(rest, []byte("NOT in sudoers")), bytes.Contains(rest, []byte("command not allowed")):
		e.Outcome = Attempt
	case bytes.Contains(rest, []byte("incorrect password attempt")):
		e.Outcome = Attempt
		if n, ok := number(bytes.TrimSpace(rest[:bytes.IndexByte(rest, ' ')])); ok && n > 0 {
			e.Repeat = n
		}
	case bytes.Contains(rest, []byte("COMMAND=")):
		e.Outcome = Success
	}
}
