package logline

import "bytes"

// audit reads one record of auditd: type=USER_LOGIN msg=audit(1795510546.123:45):
// pid=… uid=… msg='op=login acct="root" exe="…" hostname=… addr=192.0.2.7 res=failed'.
// Values that hold blanks or quotes come in hexadecimal without quotes; what is
// inside msg='…' has no quotes that could break out.
func (r *Reader) audit(b []byte) bool {
	e := &r.ev
	r.fields, r.roles = r.fields[:0], r.roles[:0]
	e.Product = "auditd"
	if starts(b, "node=") {
		w, rest := word(b)
		e.Device, b = w[5:], rest
	}
	kind, rest, ok := cut(b, " msg=audit(")
	if !ok || !starts(kind, "type=") {
		return false
	}
	kind = kind[5:]
	stamp, rest, ok := cut(rest, ")")
	if !ok {
		return false
	}
	t, serial, _ := cut(stamp, ":")
	r.epoch(t)
	e.Channel = kind
	r.add("type", kind)
	r.add("serial", serial)
	r.auditBody(kind, trim(bytes.TrimPrefix(rest, []byte(":"))))
	return true
}

// auditSyslog reads the same without its head: "USER_AUTH pid=811 uid=0 …".
func (r *Reader) auditSyslog(msg []byte) bool {
	kind, rest := word(msg)
	if len(kind) < 3 || kind[0] < 'A' || kind[0] > 'Z' || keyLen(rest) == 0 {
		return false
	}
	r.ev.Product, r.ev.Channel = "auditd", kind
	r.add("type", kind)
	r.auditBody(kind, rest)
	return true
}

func (r *Reader) auditBody(kind, rest []byte) {
	inner := between(rest, "msg='", "'")
	if i := index(rest, "msg='"); i >= 0 {
		r.pairs(rest[:i], ' ')
	} else {
		r.pairs(rest, ' ')
	}
	if inner != nil {
		r.pairs(inner, ' ')
	}
	if g := bytes.IndexByte(rest, 0x1d); g >= 0 { // the names that enrichment adds
		r.pairs(rest[g+1:], ' ')
	}
	r.auditSaid(kind)
}

func (r *Reader) auditSaid(kind []byte) {
	e := &r.ev
	e.from(r.getAny("addr", "rport"))
	e.person(r.unhex(r.getAny("acct", "AUID", "id")))
	out := ""
	switch res := r.getAny("res", "success"); string(res) {
	case "success", "yes", "1":
		out = Success
	case "failed", "no", "0":
		out = Failure
	}
	switch string(kind) {
	case "USER_LOGIN":
		e.did(Login, out)
		if out == Failure && (string(e.User) == "(unknown)" || string(e.User) == "(invalid user)") {
			e.Action, e.User = InvalidUser, nil
		}
	case "USER_AUTH", "CRED_ACQ", "USER_ACCT", "USER_START", "USER_ERR":
		e.did(Other, out) // USER_LOGIN tells of the same attempt
		if kind[5] == 'A' && kind[6] == 'U' && out == Failure {
			e.Action = Login
		}
	case "USER_LOGOUT", "USER_END":
		e.Action = Logout
	case "SYSCALL":
		e.did(Other, out)
		if string(r.get("syscall")) == "59" || string(r.get("SYSCALL")) == "execve" {
			e.did(Command, out)
		}
		e.Name, e.Process = r.unhex(r.get("exe")), r.unhex(r.get("comm"))
	case "EXECVE":
		e.did(Command, Success)
		e.Name = r.auditArgs()
	case "USER_CMD":
		e.did(Command, out)
		e.Name = r.unhex(r.get("cmd"))
	case "ADD_USER", "DEL_USER", "ADD_GROUP", "DEL_GROUP", "USER_CHAUTHTOK", "USER_MGMT", "GRP_MGMT", "CONFIG_CHANGE", "SERVICE_START", "SERVICE_STOP", "MAC_STATUS", "DAEMON_END":
		e.did(Change, out)
		e.Name = r.getAny("unit", "acct", "op", "id")
	case "ANOM_LOGIN_FAILURES", "RESP_ACCT_LOCK":
		e.did(Lockout, Failure)
	case "ANOM_ABEND", "ANOM_PROMISCUOUS", "ANOM_ROOT_TRANS":
		e.did(Alert, "")
		e.Threat, e.Name, e.Level = kind, r.unhex(r.get("exe")), "medium"
	default:
		e.did(Other, out)
	}
}

// auditArgs joins a0, a1, … with blanks.
func (r *Reader) auditArgs() []byte {
	from := len(r.buf)
	for i := range r.fields {
		n := r.fields[i].Name
		if len(n) > 1 && n[0] == 'a' && n[1] >= '0' && n[1] <= '9' {
			v := r.fields[i].Value
			if len(r.buf) > from {
				r.buf = append(r.buf, ' ')
			}
			if h := hexBytes(v); h {
				r.buf = appendHex(r.buf, v)
				continue
			}
			r.buf = append(r.buf, v...)
		}
	}
	return r.buf[from:]
}

// unhex decodes a value that auditd wrote in hexadecimal: the quotes that a
// plain one has are gone by now, so only what cannot be a plain name counts.
func (r *Reader) unhex(v []byte) []byte {
	if !hexBytes(v) {
		return v
	}
	from := len(r.buf)
	r.buf = appendHex(r.buf, v)
	return r.buf[from:]
}

func hexBytes(v []byte) bool {
	if len(v) < 6 || len(v)%2 != 0 {
		return false
	}
	letters := false
	for i, c := range v {
		switch {
		case c >= '0' && c <= '9':
			if i%2 == 0 && c < '2' && c != '0' {
				return false
			}
		case c >= 'A' && c <= 'F':
			letters = true
		default:
			return false
		}
	}
	return letters
}

func appendHex(to, v []byte) []byte {
	for i := 0; i+1 < len(v); i += 2 {
		var x byte
		for _, c := range v[i : i+2] {
			if c >= 'A' {
				c -= 'A' - 10
			} else {
				c -= '0'
			}
			x = x<<4 | c&15
		}
		if x == 0 {
			x = ' '
		}
		to = append(to, x)
	}
	return to
}

// laurel reads the records of auditd that LAUREL joined into one JSON object.
func (r *Reader) laurel() bool {
	e := &r.ev
	e.Product, e.Channel = "auditd", laurelChannel
	t, _, _ := cut(r.get("ID"), ":")
	r.epoch(t)
	e.Name, e.Process = r.getAny("SYSCALL.exe", "ANOM_ABEND.exe"), r.getAny("SYSCALL.comm", "ANOM_ABEND.comm")
	e.person(r.getAny("SYSCALL.AUID", "SYSCALL.UID", "ANOM_ABEND.AUID", "ANOM_ABEND.UID"))
	switch {
	case r.has("ANOM_ABEND.exe"):
		e.did(Alert, "")
		e.Threat, e.Level = []byte("ANOM_ABEND"), "medium"
	case string(r.get("SYSCALL.SYSCALL")) == "execve":
		e.did(Command, Success)
		if string(r.get("SYSCALL.success")) == "no" {
			e.Outcome = Failure
		}
	default:
		e.Action = Other
	}
	return true
}

var laurelChannel = []byte("laurel")
