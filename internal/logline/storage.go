package logline

import "bytes"

var synologyForms = compile(
	form{text: "User [{user}] from [{ip}] failed to log in via [{channel}] due to", action: Login, outcome: Failure},
	form{text: "User [{user}] from [{ip}] failed to sign in to [{channel}] via", action: Login, outcome: Failure},
	form{text: "User [{user}] from [{ip}] failed to sign in", action: Login, outcome: Failure},
	form{text: "User [{user}] from [{ip}] logged in successfully via [{channel}]", action: Login, outcome: Success},
	form{text: "User [{user}] from [{ip}] signed in to [{channel}] successfully", action: Login, outcome: Success},
	form{text: "User [{user}] from [{ip}] logged out", action: Logout},
	form{text: "User [{user}] from [{ip}] signed out", action: Logout},
	form{text: "Host [{ip}] was blocked via [{channel}]", action: Lockout},
	form{text: "Host IP address [{ip}] was blocked", action: Lockout},
	form{text: "L'utente [{user}] da [{ip}] non è riuscito ad accedere", action: Login, outcome: Failure},
	form{text: "L'utente [{user}] da [{ip}] ha effettuato l'accesso", action: Login, outcome: Success},
	form{text: "Event: {method}, Path: {name}, {any}User: {user-}, IP: {ip}", action: Other},
)

// synology reads the log center of DSM: "Connection: User [x] from [IP] …", with
// the SYSTEM: that it puts in front, in English or Italian.
func (r *Reader) synology(msg []byte) bool {
	for _, p := range [...]string{"SYSTEM:\t", "SYSTEM: ", "Connection: ", "Connection:\t"} {
		msg, _ = after(msg, p)
	}
	if !synologyForms.read(msg, &r.ev) {
		return false
	}
	r.ev.Product = "synology"
	return true
}

// qnap reads "conn log: Users: admin, Source IP: 192.0.2.7, Computer name: ---,
// Connection type: HTTP, Accessed resources: Administration, Action: Login Fail".
// The name comes first and may hold commas: the last Source IP counts.
func (r *Reader) qnap(msg []byte) bool {
	e := &r.ev
	i := index(msg[:min(len(msg), 24)], "Users: ")
	if i < 0 {
		return false
	}
	j := lastIndex(msg, ", Source IP: ")
	if j < i {
		return false
	}
	e.Product = "qnap"
	e.person(msg[i+7 : j])
	tail := msg[j+13:]
	e.from(wordUntil(tail))
	e.Channel = between(tail, "Connection type: ", ",")
	e.Name = between(tail, "Accessed resources: ", ", Action")
	act := sub(tail, "Action: ")
	switch {
	case hasFold(act, "login fail"):
		e.did(Login, Failure)
	case hasFold(act, "login"):
		e.did(Login, Success)
	case hasFold(act, "logout"):
		e.Action = Logout
	default:
		e.Action = Other
	}
	return true
}

// veeam reads the events of Backup & Replication: the data of RFC 5424 carry
// instanceId and Description.
func (r *Reader) veeam(msg []byte) bool {
	e := &r.ev
	id := r.get("instanceId")
	if id == nil && starts(msg, "[") {
		r.pairs(msg[1:], ' ')
		id = r.get("instanceId")
	}
	if id == nil {
		return false
	}
	e.Product, e.ID = "veeam", count(id[:digits(id)])
	e.Name = r.getAny("Description", "JobName")
	if d := e.Name; r.has("MalwareActivityType") || hasFold(d, "malware") || hasFold(d, "ransom") || hasFold(d, "suspicious") {
		e.did(Alert, "")
		e.Threat, e.Level = d, "high"
		set(&e.Threat, bytes.TrimSuffix(r.get("MalwareActivityType"), []byte("]")))
	} else if hasFold(d, "failed to log") || hasFold(d, "login attempt") || hasFold(d, "log in") && hasFold(d, "fail") {
		e.did(Login, Failure)
	} else if hasFold(d, "deleted") || hasFold(d, "removed") || hasFold(d, "modified") || hasFold(d, "changed") || hasFold(d, "disabled") || hasFold(d, "created") || hasFold(d, "added") {
		e.did(Change, Success)
	} else {
		e.Action = Other
	}
	e.person(r.getAny("UserName", "User", "Initiator"))
	if e.User == nil {
		e.person(between(e.Name, "User ", " "))
	}
	if a, p, ok := whose(e.Name); ok {
		e.Source, e.SrcPort = a, p
	}
	return true
}

var sambaForms = compile(
	form{text: "Auth: [{channel},{any}] user [{domain-}]\\[{user-}] at [{any}] with [{method}] status [NT_STATUS_OK] workstation [{any}] remote host [{any}:{from}] ", action: Login, outcome: Success},
	form{text: "Auth: [{channel},{any}] user [{domain-}]\\[{user-}] at [{any}] with [{method}] status [NT_STATUS_NO_SUCH_USER] workstation [{any+}] remote host [ipv4:{from}] mapped to", action: InvalidUser, outcome: Failure},
	form{text: "Auth: [{channel},{any}] user [{domain-}]\\[{user-}] at [{any}] with [{method}] status [NT_STATUS_NO_SUCH_USER] workstation [{any+}] remote host [ipv6:{from}] mapped to", action: InvalidUser, outcome: Failure},
	form{text: "Auth: [{channel},{any}] user [{domain-}]\\[{user-}] at [{any}] with [{method}] status [{any}] workstation [{any+}] remote host [ipv4:{from}] ", action: Login, outcome: Failure},
	form{text: "Auth: [{channel},{any}] user [{domain-}]\\[{user-}] at [{any}] with [{method}] status [{any}] workstation [{any+}] remote host [ipv6:{from}] ", action: Login, outcome: Failure},
)

// samba reads the audit of log-ins.
func (r *Reader) samba(msg []byte) bool {
	if !starts(msg, "Auth: [") {
		return false
	}
	r.ev.Product, r.ev.Action = "samba", Other
	sambaForms.read(msg, &r.ev)
	if t := between(msg, " at [", "]"); len(t) > 8 {
		r.whenField(t)
	}
	return true
}
