package logline

import "bytes"

// line looks at the first bytes of a line and hands it on; no parser is tried
// that these bytes rule out.
func (r *Reader) line(b []byte, depth int) bool {
	if len(b) == 0 || depth > maxDepth {
		return false
	}
	switch c := b[0]; {
	case c >= '0' && c <= '9':
		return r.numeral(b, depth)
	case c == '<' && len(b) > 1 && b[1] >= '0' && b[1] <= '9':
		return r.pri(b, depth)
	case c == '*' || c == '.': // Cisco: the clock is not synchronised
		if rest, ok := r.rfc3164(b[1:]); ok {
			r.ev.Slack = max(r.ev.Slack, minute)
			return r.host(rest, depth)
		}
	case c == 'd' && starts(b, "date="):
		if r.keyed(b, depth) {
			return true
		}
	case letterByte(c):
		if month(b) != 0 {
			if rest, ok := r.rfc3164(b); ok {
				return r.host(rest, depth)
			}
		}
		if weekday(b) {
			if rest, ok := r.when(b); ok {
				return r.stamped(b, trim(rest), depth)
			}
		}
	}
	return r.content(b, depth)
}

// numeral reads lines that begin with a digit: an address, a time, a number.
func (r *Reader) numeral(b []byte, depth int) bool {
	n := digits(b)
	if n < len(b) && (b[n] == '.' || b[n] == ':' && n <= 4) || n == 0 {
		if r.addressed(b, depth) {
			return true
		}
	}
	switch {
	case n+2 < len(b) && b[n] == ':' && b[n+1] == ' ': // Cisco numbers its lines
		return r.ciscoLine(b[n+2:], depth)
	case n == 1 && starts(b, "1,2"): // PAN-OS without a head
		if r.paloalto(b) {
			return true
		}
	case n == 4 && len(b) > 10:
		if rest, ok := r.iso(b); ok {
			if b[10] == 'T' && r.isHost(rest) {
				return r.host(rest, depth)
			}
			return r.stamped(b, rest, depth)
		}
	}
	if rest, ok := r.when(b); ok {
		if n >= 10 && r.heads.product == "zeek" && r.zeekRow(b) {
			return true
		}
		if n == 10 && r.squid(squidRest(b)) {
			return true
		}
		return r.stamped(b, rest, depth)
	}
	if n > 0 && n < len(b) && b[n] == ' ' && r.proxmoxFirewall(b) {
		return true
	}
	return r.content(b, depth)
}

func squidRest(b []byte) []byte {
	_, rest := word(b)
	return rest
}

// addressed reads lines that begin with an address: web servers, and what puts
// the client in front of everything else.
func (r *Reader) addressed(b []byte, depth int) bool {
	w, rest := word(b)
	if _, _, ok := addrPort(w); !ok {
		return false
	}
	if r.combined(b) {
		return true
	}
	if inner, ok := r.when(rest); ok && r.postgres(inner) {
		r.ev.Source, r.ev.SrcPort, _ = addrPort(w)
		return true
	}
	return false
}

// isHost says whether syslog goes on behind an ISO stamp: a machine, then a
// program with a colon, or what devices write.
func (r *Reader) isHost(rest []byte) bool {
	if len(rest) < 2 || rest[0] != ' ' {
		return false
	}
	w, more := word(rest[1:])
	if len(w) == 0 || !keyByte[w[0]] || w[len(w)-1] == ':' && len(more) > 0 && bytes.IndexByte(more[:min(len(more), 64)], ':') < 0 {
		return false
	}
	switch string(w) {
	case "INFO", "WARN", "ERROR", "DEBUG", "WARNING", "ACCEPT", "CLOSE", "stdout", "stderr", "[Note]", "TRACE", "FATAL", "info", "warn", "error":
		return false
	}
	if digits(w) == len(w) && len(w) < 7 {
		return false
	}
	return len(more) > 0
}

// stamped reads what follows a time that is not that of syslog: the logs that
// programs write themselves. all is the line with its time.
func (r *Reader) stamped(all, rest []byte, depth int) bool {
	if len(rest) == 0 {
		return false
	}
	if rest[0] == ',' {
		return r.exchange(all, rest)
	}
	if rest[0] == ':' || rest[0] == ']' {
		rest = trim(rest[1:])
		if starts(rest, "authentication failure; rhost=") || starts(rest, "successful auth") {
			return r.proxmox(rest)
		}
	}
	rest = trim(rest)
	for starts(rest, ": ") {
		rest = rest[2:]
	}
	if len(rest) == 0 {
		return false
	}
	if r.stampedKnown(all, rest, depth) {
		return true
	}
	return r.content(rest, depth)
}

func (r *Reader) stampedKnown(all, rest []byte, depth int) bool {
	switch c := rest[0]; {
	case starts(rest, "ACCEPT host=") || starts(rest, "CLOSE host="):
		r.ev.Product = "app"
		return tarpitForms.read(rest, &r.ev)
	case c == '[':
		if r.nginxError(rest) || r.vsftpd(rest) || r.unboundStamped(rest) || r.pgBracket(rest) || r.mysql(rest) || r.openvpnStamped(rest) || r.eximPid(rest) {
			return true
		}
		if starts(rest, "[") && r.zoraxy(rest) {
			return true
		}
		if starts(rest, "[INFO] ") || starts(rest, "[NOTICE] ") || starts(rest, "[WARN] ") {
			return r.litespeed(rest)
		}
	case c >= '0' && c <= '9':
		if r.extendedRow(all, rest) || r.mysql(rest) || r.windowsDNS(rest) || r.openvpnStamped(rest) || r.freeswitch(rest) || r.postgres(rest) {
			return true
		}
	case c >= 'A' && c <= 'Z':
		if r.heads.product == "w3c" && r.extendedRow(all, rest) {
			return true
		}
		if r.zimbra(rest) || r.joomla(rest) || r.eximStamped(rest) || r.windowsDNS(rest) || r.mssql(rest) {
			return true
		}
	case starts(rest, "stdout ") || starts(rest, "stderr "):
		_, inner := word(rest)
		_, inner = word(inner) // F: full, P: part
		t, z, s := r.ev.Time, r.ev.Zone, r.ev.Slack
		ok := r.line(clean(inner), depth+1)
		if r.ev.Time.IsZero() || r.ev.Zone == ZoneMachine {
			r.ev.Time, r.ev.Zone, r.ev.Slack = t, z, s
		}
		return ok
	case starts(rest, "spid") || starts(rest, "Logon"):
		return r.mssql(rest)
	case starts(rest, "client ") || starts(rest, "queries: ") || starts(rest, "security: ") || starts(rest, "query-errors: "):
		return r.bind(rest)
	case c == '<':
		return r.roundcube(rest)
	case starts(rest, "unbound"):
		return r.unbound(rest[max(bytes.IndexByte(rest, '['), 0):])
	}
	return r.postgres(rest) || r.openvpnStamped(rest) || r.eximStamped(rest) || r.lateBind(rest)
}

func (r *Reader) lateBind(rest []byte) bool {
	return index(rest[:min(len(rest), 60)], "client @0x") >= 0 && r.bind(rest)
}

// content reads a message that carries no name of a program.
func (r *Reader) content(b []byte, depth int) bool {
	if len(b) == 0 || depth > maxDepth {
		return r.rest(b)
	}
	if r.shaped(b, depth) {
		return true
	}
	return r.rest(b)
}

// shaped tells the product from the first bytes.
func (r *Reader) shaped(b []byte, depth int) bool {
	switch c := b[0]; {
	case c >= '0' && c <= '9' && c != '1' && has(b[:min(len(b), 120)], " msg_id=\""):
		return r.watchguardText(b[index(b, " msg_id=\"")+1:])
	case c == '{':
		return r.record(b, depth)
	case c == '<':
		if starts(b, "<Event") || starts(b, "<?xml") {
			return r.xml(b)
		}
		return false
	case c == '%':
		return r.cisco(b)
	case c == '#':
		return r.head(b)
	case c == '[':
		return r.bracketed(b, depth)
	case c == '"':
		return npsRow(b) && r.nps(b)
	case c >= '0' && c <= '9':
		if c == '1' && starts(b, "1,20") {
			return r.paloalto(b)
		}
		if r.heads.product == "zeek" && bytes.IndexByte(b, r.heads.sep) > 0 && r.zeekRow(b) {
			return true
		}
		if r.heads.product == "iis" || r.heads.product == "w3c" {
			return false
		}
		return r.combined(b)
	}
	return r.worded(b, depth)
}

// worded goes on with lines that begin with a letter.
func (r *Reader) worded(b []byte, depth int) bool {
	switch {
	case starts(b, "CEF:"):
		return r.cef(b)
	case starts(b, "LEEF:"):
		return r.leef(b)
	case starts(b, "type=") || starts(b, "node="):
		return r.audit(b)
	case starts(b, "msg_id=\""):
		return r.watchguardText(b)
	case starts(b, "Auth: ["):
		return r.samba(b)
	case starts(b, "conn log: ") || starts(b, "event log: "):
		return r.qnap(b)
	case starts(b, "MSWinEventLog"):
		return r.snare(b)
	case starts(b, "SecurityEvent="):
		return r.asterisk(b)
	case starts(b, "Event ["):
		return r.vcenterEvent(b)
	}
	if i := bytes.IndexByte(b[:min(len(b), 80)], '='); i > 0 {
		if keyLen(b) > 0 || keyLen(b[bytes.LastIndexByte(b[:i], ' ')+1:]) > 0 {
			if index(b[:min(len(b), 400)], "IN=") >= 0 && has(b, " SRC=") {
				return r.netfilter(b)
			}
			if r.keyed(b, depth) {
				return true
			}
		}
	}
	if i := index(b[:min(len(b), 120)], "CEF:0|"); i >= 0 {
		return r.cef(b[i:])
	}
	if i := index(b[:min(len(b), 80)], "MSWinEventLog"); i >= 0 {
		return r.snare(b[i:])
	}
	return r.mikrotik(b) || r.combined(b) || r.elb(b) || r.composed(b, depth) || r.mikrotikBare(b)
}

func (r *Reader) mikrotikBare(b []byte) bool {
	if !starts(b, "login failure for user ") || !has(b, " via ") {
		return false
	}
	r.ev.Product = "mikrotik"
	return mikrotikForms.read(b, &r.ev)
}

// composed reads "service  | line", as docker compose prints it.
func (r *Reader) composed(b []byte, depth int) bool {
	i := index(b[:min(len(b), 64)], " | ")
	if i < 0 || depth >= maxDepth || bytes.IndexByte(bytes.TrimRight(b[:i], " "), ' ') >= 0 {
		return false
	}
	return r.line(clean(b[i+3:]), depth+1)
}

// rest is for what no product claimed: a log-in of an application, or a line
// of syslog.
func (r *Reader) rest(b []byte) bool {
	if len(b) > 0 && r.app(b) {
		if r.ev.Time.IsZero() {
			r.seekTime(b)
		}
		return true
	}
	if r.ev.Action == "" {
		r.ev.Action = Other
	}
	if r.ev.Product != "" {
		return true
	}
	if r.ev.Device != nil && r.ev.Process != nil {
		r.ev.Product = "syslog"
		return true
	}
	return false
}

// seekTime looks for a time near the start of a line that was understood
// without one: "(W) 2026-11-24T…", "WARN: [Nov 24 08:55:46.643] …".
func (r *Reader) seekTime(b []byte) {
	for i := 1; i < min(len(b), 24); i++ {
		if p := b[i-1]; (p == ' ' || p == '[' || p == '(') && (letterByte(b[i]) || b[i] >= '0' && b[i] <= '9') {
			if _, ok := r.when(b[i:]); ok {
				return
			}
		}
	}
}
