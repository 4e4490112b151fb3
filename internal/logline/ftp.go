package logline

import "bytes"

var vsftpdForms = compile(
	form{text: "[{user}] FAIL LOGIN: Client \"{ip}\"", action: Login, outcome: Failure},
	form{text: "[{user}] OK LOGIN: Client \"{ip}\"", action: Login, outcome: Success},
	form{text: "FAIL LOGIN: Client \"{ip}\"", action: Login, outcome: Failure},
	form{text: "OK LOGIN: Client \"{ip}\"", action: Login, outcome: Success},
	form{text: "CONNECT: Client \"{ip}\"", action: Connect, outcome: Success},
	form{text: "[{user}] OK UPLOAD: Client \"{ip}\", \"{name}\"", action: Other, outcome: Success},
	form{text: "[{user}] OK DOWNLOAD: Client \"{ip}\", \"{name}\"", action: Other, outcome: Success},
	form{text: "[{user}] FAIL UPLOAD: Client \"{ip}\", \"{name}\"", action: Other, outcome: Failure},
	form{text: "[{user}] FAIL DOWNLOAD: Client \"{ip}\", \"{name}\"", action: Other, outcome: Failure},
	form{text: "[{user}] OK DELETE: Client \"{ip}\", \"{name}\"", action: Other, outcome: Success},
	form{text: "[{user}] FTP command: Client \"{ip}\", \"", action: Other},
	form{text: "FTP command: Client \"{ip}\", \"", action: Other},
)

// vsftpd reads its own file: "[pid 27244] [user] FAIL LOGIN: Client "IP"". The
// name is in brackets and may hold some; the client stands behind the verdict.
func (r *Reader) vsftpd(msg []byte) bool {
	rest, ok := after(msg, "[pid ")
	if !ok {
		return false
	}
	i := bytes.IndexByte(rest, ']')
	if i < 0 || digits(rest) != i || !vsftpdForms.read(trim(rest[i+1:]), &r.ev) {
		return false
	}
	r.ev.Product, r.ev.Proto = "vsftpd", "tcp"
	return true
}

func (r *Reader) vsftpdSyslog(msg []byte) bool {
	if r.pam(msg) {
		r.ev.Product = "vsftpd"
		return true
	}
	r.ev.Product, r.ev.Action = "vsftpd", Other
	vsftpdForms.read(msg, &r.ev)
	return true
}

var proftpdForms = compile(
	form{text: "USER {user}: no such user found from {any+} [{ip}] to {to}", action: InvalidUser, outcome: Failure},
	form{text: "USER {user}: no such user found from {any+} [{ip}]", action: InvalidUser, outcome: Failure},
	form{text: "USER {user} (Login failed): ", action: Login, outcome: Failure},
	form{text: "USER {user}: Login successful", action: Login, outcome: Success},
	form{text: "ANONYMOUS {user}: Login successful", action: Login, outcome: Success},
	form{text: "SECURITY VIOLATION: {user-} login attempted", action: Login, outcome: Denied},
	form{text: "SECURITY VIOLATION: Root login attempted", action: Login, outcome: Denied},
	form{text: "Maximum login attempts ({repeat}) exceeded", action: Lockout, outcome: Failure},
	form{text: "FTP session opened", action: Connect, outcome: Success},
	form{text: "FTP session closed", action: Close},
	form{text: "SSH2 session opened", action: Connect, outcome: Success},
)

// proftpd reads "SERVER (NAME[IP]) - text": what stands in front is the
// server's own, and its address counts, not the one a name may hold.
func (r *Reader) proftpd(msg []byte) bool {
	e := &r.ev
	if r.pam(msg) {
		e.Product = "proftpd"
		return true
	}
	e.Product, e.Action, e.Proto = "proftpd", Other, "tcp"
	head, said, ok := cut(msg, ") - ")
	if !ok {
		if head, said, ok = cut(msg, "): "); !ok {
			return true
		}
	}
	proftpdForms.read(said, e)
	e.Source, e.SrcPort = addr(nil), 0
	if i := bytes.LastIndexByte(head, '['); i >= 0 {
		in := head[i+1:]
		if j := bytes.IndexByte(in, ']'); j >= 0 {
			in = in[:j]
		}
		e.from(in)
	}
	return true
}

var pureftpdForms = compile(
	form{text: "[WARNING] Authentication failed for user [{user}]", action: Login, outcome: Failure},
	form{text: "[WARNING] Can't login as [{user}]", action: Login, outcome: Denied},
	form{text: "[WARNING] Too many authentication failures", action: Lockout, outcome: Failure},
	form{text: "[WARNING] Autenticazione fallita per l'utente [{user}]", action: Login, outcome: Failure},
	form{text: "[INFO] {user} is now logged in", action: Login, outcome: Success},
	form{text: "[INFO] {user} è ora connesso", action: Login, outcome: Success},
	form{text: "[INFO] New connection from {peer}", action: Connect, outcome: Success},
	form{text: "[INFO] Nuova connessione da {peer}", action: Connect, outcome: Success},
	form{text: "[INFO] Logout", action: Logout},
	form{text: "[NOTICE] {name} uploaded", action: Other, outcome: Success},
	form{text: "[NOTICE] {name} downloaded", action: Other, outcome: Success},
)

// pureftpd reads "(user@client) [LEVEL] text"; the client stands behind the
// last @ of the brackets, "?" is nobody.
func (r *Reader) pureftpd(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action, e.Proto = "pure-ftpd", Other, "tcp"
	i := index(msg, ") [")
	if !starts(msg, "(") || i < 0 {
		return true
	}
	who, said := msg[1:i], msg[i+2:]
	pureftpdForms.read(said, e)
	j := bytes.LastIndexByte(who, '@')
	if j < 0 {
		return true
	}
	e.from(who[j+1:])
	if u := who[:j]; e.User == nil && string(u) != "?" {
		e.person(u)
	}
	return true
}
