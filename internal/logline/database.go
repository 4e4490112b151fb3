package logline

import "bytes"

var mysqlForms = compile(
	form{text: "Access denied for user '{user}'@'{peer}' (using password: {any})", action: Login, outcome: Failure},
	form{text: "Access denied for user '{user}'@'{peer}' to database '{name}'", action: Login, outcome: Denied},
	form{text: "Access denied for user '{user}'@'{peer}'", action: Login, outcome: Failure},
	form{text: "Aborted connection {any} to db: '{name}' user: '{user}' host: '{peer}' ({any})", action: Close},
	form{text: "Aborted connection {any} to db: '{name}' user: '{user}' host: '{peer}'", action: Close},
	form{text: "Host '{peer}' is blocked because of many connection errors", action: Lockout},
	form{text: "IP address '{ip}' could not be resolved", action: Connect},
	form{text: "IP address '{ip}' has been resolved", action: Connect},
)

// mysql reads the error logs of MySQL and MariaDB: number of the thread, level
// in brackets, more brackets, text.
func (r *Reader) mysql(rest []byte) bool {
	e := &r.ev
	rest = trim(rest)
	n := digits(rest)
	said := trim(rest[n:])
	if n == 0 || !starts(said, "[") {
		if !starts(rest, "[Warning] ") && !starts(rest, "[Note] ") {
			return r.mysqlGeneral(rest, n)
		}
		said = rest
	}
	level := between(said, "[", "]")
	switch string(level) {
	case "Warning", "Note", "ERROR", "Error", "System":
	default:
		return false
	}
	e.Product, e.Action = "mysql", Other
	for starts(said, "[") {
		i := bytes.IndexByte(said, ']')
		if i < 0 {
			break
		}
		said = trim(said[i+1:])
	}
	if !mysqlForms.read(said, e) && n == 0 { // without a thread anybody could have written it
		e.Product, e.Action = "", ""
		return false
	}
	return true
}

// mysqlGeneral reads the general query log: "   12 Connect   root@192.0.2.7 on db".
func (r *Reader) mysqlGeneral(rest []byte, n int) bool {
	e := &r.ev
	if n == 0 {
		return false
	}
	said, ok := after(trim(rest[n:]), "Connect")
	if !ok || len(said) == 0 || said[0] != ' ' && said[0] != '\t' {
		return false
	}
	e.Product = "mysql"
	said = trim(said)
	if mysqlForms.read(said, e) {
		return true
	}
	e.did(Login, Success)
	u, more, _ := cut(said, "@")
	e.person(u)
	w, _ := word(more)
	e.from(w)
	return true
}

var pgForms = compile(
	form{text: "password authentication failed for user \"{user}\"", action: Login, outcome: Failure},
	form{text: "role \"{user}\" does not exist", action: InvalidUser, outcome: Failure},
	form{text: "database \"{name}\" does not exist", action: Login, outcome: Failure},
	form{text: "no pg_hba.conf entry for host \"{ip}\", user \"{user}\", database \"{name}\"", action: Login, outcome: Denied},
	form{text: "pg_hba.conf rejects connection for host \"{ip}\", user \"{user}\", database \"{name}\"", action: Login, outcome: Denied},
	form{text: "Peer authentication failed for user \"{user}\"", action: Login, outcome: Failure},
	form{text: "Ident authentication failed for user \"{user}\"", action: Login, outcome: Failure},
	form{text: "LDAP authentication failed for user \"{user}\"", action: Login, outcome: Failure},
	form{text: "connection authorized: user={user-} database={name-} ", action: Login, outcome: Success},
	form{text: "connection authorized: user={user-} database={name}", action: Login, outcome: Success},
	form{text: "connection received: host={ip} port={port}", action: Connect, outcome: Success},
	form{text: "disconnection: session time: {any} user={user-} database={name-} host={ip} port={port}", action: Close},
	form{text: "invalid length of startup packet", action: Probe},
	form{text: "unsupported frontend protocol", action: Probe},
	form{text: "no PostgreSQL user name specified in startup packet", action: Probe},
)

// postgres reads the server log behind its time. What stands before the level
// is the administrator's choice (log_line_prefix); an address with or without
// port in it is the client's, and the name comes as user@database.
func (r *Reader) postgres(rest []byte) bool {
	e := &r.ev
	var prefix, said []byte
	for _, l := range [...]string{"FATAL:  ", "LOG:  ", "ERROR:  ", "WARNING:  ", "FATAL: ", "LOG: "} {
		// The level stands early: text of a client stands behind it.
		if i := index(rest[:min(len(rest), 240)], l); i >= 0 && (said == nil || i < len(prefix)) {
			prefix, said = rest[:i], rest[i+len(l):]
		}
	}
	if said == nil {
		return false
	}
	e.Product, e.Action = "postgresql", Other
	for len(prefix) > 0 {
		i := 0
		for i < len(prefix) && prefix[i] != ' ' && prefix[i] != ',' && prefix[i] != '=' {
			i++
		}
		w := prefix[:i]
		prefix = prefix[min(i+1, len(prefix)):]
		if r.pgWord(w) {
			continue
		}
	}
	pgForms.read(said, e)
	return true
}

// pgWord looks at one word of the prefix: IP, IP(PORT), IP(PORT):user@db:[pid].
func (r *Reader) pgWord(w []byte) bool {
	e := &r.ev
	if n := addrPortLen(bytes.TrimLeft(w, "UTCGMES:")); n > 0 && !e.Source.IsValid() {
		w = bytes.TrimLeft(w, "UTCGMES:")
		if !e.from(w[:n]) {
			return false
		}
		w = bytes.TrimPrefix(w[n:], []byte(":"))
	}
	if i := bytes.IndexByte(w, '@'); i > 0 && e.User == nil {
		e.person(w[:i])
		db := w[i+1:]
		if j := bytes.IndexByte(db, ':'); j >= 0 {
			db = db[:j]
		}
		e.Name = db
		return true
	}
	return false
}

var mssqlForms = compile(
	form{text: "Login failed for user '{user}'. {any+}[CLIENT: {ip}]", action: Login, outcome: Failure},
	form{text: "Login failed for user '{user}'. {any+}[CLIENT: <local machine>]", action: Login, outcome: Failure},
	form{text: "Login failed. {any+}[CLIENT: {ip}]", action: Login, outcome: Failure},
	form{text: "Accesso non riuscito per l'utente '{user}'. {any+}[CLIENT: {ip}]", action: Login, outcome: Failure},
	form{text: "Login succeeded for user '{user}'. {any+}[CLIENT: {ip}]", action: Login, outcome: Success},
	form{text: "Login succeeded for user '{user}'. {any+}[CLIENT: <local machine>]", action: Login, outcome: Success},
	form{text: "SSPI handshake failed with error code {any+}[CLIENT: {ip}]", action: Login, outcome: Failure},
	form{text: "Length specified in network packet payload {any+}[CLIENT: {ip}]", action: Probe},
	form{text: "The login packet used to open the connection is structurally invalid{any+}[CLIENT: {ip}]", action: Probe},
	form{text: "Error: 18456,", action: Other},
)

func (r *Reader) mssqlText(said []byte) bool {
	e := &r.ev
	if !mssqlForms.read(said, e) {
		return false
	}
	if e.Action == Login && e.Outcome == Failure && has(said, "Could not find a login matching the name") {
		e.Action = InvalidUser
	}
	return true
}

// mssql reads the ERRORLOG: time, source of the message, text.
func (r *Reader) mssql(rest []byte) bool {
	e := &r.ev
	source, said := word(trim(rest))
	said = trim(said)
	if string(source) != "Logon" && string(source) != "Server" && !starts(source, "spid") {
		return false
	}
	e.Product, e.Action, e.Channel = "mssql", Other, source
	r.mssqlText(said)
	return true
}

// mongodb reads the JSON of MongoDB 4.4 and later.
func (r *Reader) mongodb() bool {
	e := &r.ev
	e.Product, e.Channel, e.Action = "mongodb", r.get("c"), Other
	r.whenField(r.get("t.$date"))
	remote := r.getAny("attr.remote", "attr.client")
	e.from(remote)
	e.ID = count(r.get("id"))
	e.person(r.getAny("attr.principalName", "attr.user", "attr.user.user"))
	e.Name = r.get("attr.authenticationDatabase")
	switch e.ID {
	case 20249, 5286307:
		e.did(Login, Failure)
		if er := r.get("attr.error"); has(er, "UserNotFound") || has(er, "Could not find user") {
			e.Action = InvalidUser
		}
	case 20250, 5286306:
		e.did(Login, Success)
	case 22943:
		e.did(Connect, Success)
	case 22944:
		e.Action = Close
	default:
		if string(r.get("msg")) == "Authentication failed" {
			e.did(Login, Failure)
		}
	}
	return true
}
