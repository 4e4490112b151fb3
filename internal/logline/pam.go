package logline

import "bytes"

// pam reads pam_unix and its kin: "pam_unix(sshd:auth): authentication failure;
// logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=NAME". Its lines
// repeat what the program itself says, so they carry the channel "pam": who
// counts must not count an attempt twice.
func (r *Reader) pam(msg []byte) bool {
	e := &r.ev
	head, rest, ok := cut(msg, "authentication failure; ")
	if !ok {
		if head, rest, ok = cut(msg, "authentication failures; "); !ok {
			return r.pamOther(msg)
		}
		// It sums up what other lines said already.
		e.did(Other, Failure)
		if n := digits(head[min(4, len(head)):]); starts(head, "PAM ") && n > 0 {
			e.Repeat = max(count(head[4:4+n]), 1)
		}
	} else {
		e.did(Login, Failure)
	}
	if starts(head, "PAM ") {
		e.did(Other, Failure)
	}
	e.Product, e.Channel = "pam", pamChannel
	if i := index(rest, " ruser="); i >= 0 && !has(rest[:i+1], " tty=ssh ") {
		r.pamRemote(rest[i+1:])
		return true
	}
	// The name comes last and may hold anything; the rest is the machine's.
	if i := index(rest, " user="); i >= 0 {
		e.User, rest = rest[i+6:], rest[:i]
	}
	if i := index(rest, "rhost="); i >= 0 {
		w, _ := word(rest[i+6:])
		e.from(w)
		r.add("rhost", w)
	}
	if ru := between(rest, "ruser=", " "); len(ru) > 0 {
		r.add("ruser", ru)
	}
	return true
}

// pamRemote reads "ruser=NAME rhost=192.0.2.1  user=NAME" of a program other than
// sshd: servers of files and mail write there what somebody typed. There is always
// one rhost of the machine; beside a second one, typed, nobody can tell which it is.
func (r *Reader) pamRemote(rest []byte) {
	e := &r.ev
	i := index(rest, " rhost=")
	if i < 0 || index(rest[i+1:], " rhost=") >= 0 {
		return
	}
	if i > len("ruser=") {
		r.add("ruser", rest[len("ruser="):i])
	}
	w, name := word(rest[i+len(" rhost="):])
	e.from(w)
	r.add("rhost", w)
	if i := index(name, "user="); i >= 0 {
		e.User = name[i+len("user="):]
	}
}

var pamChannel = []byte("pam")

var pamForms = compile(
	form{text: "session opened for user {user-}(uid=", action: Login, outcome: Success},
	form{text: "session opened for user {user-} by ", action: Login, outcome: Success},
	form{text: "session closed for user {user}", action: Logout},
	form{text: "check pass; user unknown", action: InvalidUser, outcome: Failure},
	form{text: "user {user} ({any}) tally {any}, deny", action: Lockout, outcome: Failure},
	form{text: "Consecutive login failures for user {user} account temporarily locked", action: Lockout, outcome: Failure},
	form{text: "user \"{user}\" was locked", action: Lockout, outcome: Failure},
	form{text: "password changed for {user}", action: Change, outcome: Success},
	form{text: "account {user} has expired", action: Login, outcome: Denied},
	form{text: "authentication success; ", action: Login, outcome: Success},
	form{text: "conversation failed", action: Other},
	form{text: "auth could not identify password for [{user}]", action: Login, outcome: Failure},
	form{text: "received for user {user}: ", action: Login, outcome: Failure},
	form{text: "Access denied for user {user}", action: Login, outcome: Denied},
)

// pamOther reads "pam_NAME(SERVICE:TYPE): text".
func (r *Reader) pamOther(msg []byte) bool {
	e := &r.ev
	if !starts(msg, "pam_") {
		return false
	}
	i := index(msg[:min(len(msg), 80)], "): ")
	if i < 0 {
		return false
	}
	e.Product, e.Action, e.Channel = "pam", Other, pamChannel
	pamForms.read(msg[i+3:], e)
	if e.Action == Login && e.Outcome == Success && has(msg[i+3:], "session opened") {
		e.did(Other, Success) // the login itself has a line of its own
	}
	return true
}

// pamTagged reads the text of a program that wears its module in the tag.
func (r *Reader) pamTagged(name, msg []byte) bool {
	e := &r.ev
	if !r.pam(msg) {
		e.Action = Other
		pamForms.read(msg, e)
		if e.Action == Login && e.Outcome == Success {
			e.Action = Other
		}
	}
	e.Product, e.Channel = "pam", pamChannel
	switch string(name) {
	case "sshd":
		e.Product = "sshd"
	case "sudo":
		e.Product = "sudo"
	}
	return true
}

// sudo reads "NAME : 3 incorrect password attempts ; TTY=... ; USER=root ; COMMAND=..."
// and "NAME : user NOT in sudoers ; ...".
func (r *Reader) sudo(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action = "sudo", Other
	if starts(msg, "pam_") && r.pam(msg) {
		e.Product = "sudo"
		return true
	}
	name, rest, ok := cut(trim(msg), " : ")
	if !ok {
		return true
	}
	e.User, e.Action = name, Command
	if i := index(rest, "COMMAND="); i >= 0 {
		e.Name = rest[i+8:]
		r.add("COMMAND", e.Name)
	}
	if u := between(rest, "USER=", " ;"); u != nil {
		r.add("USER", u)
	}
	said, _, _ := cut(rest, " ;")
	switch {
	case has(said, "NOT in sudoers"), has(said, "not in the sudoers"), has(said, "command not allowed"), has(said, "not allowed to run"):
		e.Outcome = Denied
	case has(said, "incorrect password attempt"), has(said, "a password is required"), has(said, "authentication failure"):
		e.did(Login, Failure)
		e.Repeat = max(count(said[:digits(said)]), 1)
	case e.Name != nil:
		e.Outcome = Success
	}
	return true
}

var suForms = compile(
	form{text: "FAILED SU (to {name}) {user} on", action: Login, outcome: Failure},
	form{text: "FAILED su for {name} by {user}", action: Login, outcome: Failure},
	form{text: "(to {name}) {user} on", action: Login, outcome: Success},
	form{text: "Successful su for {name} by {user}", action: Login, outcome: Success},
)

// su reads the two generations of su; Name is who was to be become.
func (r *Reader) su(msg []byte) bool {
	if r.pam(msg) {
		r.ev.Product = "pam"
		return true
	}
	r.ev.Product, r.ev.Action = "su", Other
	suForms.read(msg, &r.ev)
	return true
}

var loginForms = compile(
	form{text: "FAILED LOGIN ({any}) on '{any}' from '{peer}' FOR '{user}'", action: Login, outcome: Failure},
	form{text: "FAILED LOGIN ({any}) on '{any}' FOR '{user}'", action: Login, outcome: Failure},
	form{text: "FAILED LOGIN {any} FROM {peer-} FOR {user},", action: Login, outcome: Failure},
	form{text: "FAILED LOGIN SESSION FROM {peer-} FOR {user},", action: Login, outcome: Failure},
	form{text: "invalid password for '{user}' on '{any}' from '{peer}'", action: Login, outcome: Failure},
	form{text: "ROOT LOGIN", action: Login, outcome: Success},
	form{text: "LOGIN ON {any} BY {user}", action: Login, outcome: Success},
	form{text: "authentication failure", action: Login, outcome: Failure},
)

func (r *Reader) login(msg []byte) bool {
	if r.pam(msg) {
		return true
	}
	r.ev.Product, r.ev.Action = "pam", Other
	loginForms.read(msg, &r.ev)
	return true
}

var accountForms = compile(
	form{text: "new user: name={name-},", action: Change, outcome: Success},
	form{text: "new group: name={name-},", action: Change, outcome: Success},
	form{text: "delete user '{name}'", action: Change, outcome: Success},
	form{text: "add '{name}' to ", action: Change, outcome: Success},
	form{text: "change user '{name}' ", action: Change, outcome: Success},
	form{text: "{user-}: The value for the SHELL variable was not found the /etc/shells file", action: Command, outcome: Denied},
	form{text: "{user-}: Executing command [", action: Command, outcome: Success},
	form{text: "{user-}: Error executing command as another user", action: Command, outcome: Denied},
)

// accounts reads useradd, usermod, passwd, chage and pkexec.
func (r *Reader) accounts(msg []byte) bool {
	if r.pam(msg) {
		return true
	}
	r.ev.Product, r.ev.Action = "accounts", Other
	accountForms.read(msg, &r.ev)
	if i := bytes.LastIndex(msg, []byte("[COMMAND=")); i >= 0 {
		r.ev.Name = bytes.TrimSuffix(msg[i+9:], []byte("]"))
	}
	return true
}
