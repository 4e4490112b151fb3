package logline

import "bytes"

// sign is a set of keys that tell which product wrote a record.
type sign uint32

const (
	signSuricata sign = 1 << iota
	signZeek
	signDocker
	signCaddy
	signTraefik
	signNextcloud
	signWindows
	signMongo
	signGELF
	signESET
	signSentinel
	signDefender
	signHarfang
	signWithSecure
	signLaurel
)

func signOf(name string) sign {
	switch name {
	case "event_type", "flow_id":
		return signSuricata
	case "id.orig_h", "_path", "uid":
		return signZeek
	case "log", "stream":
		return signDocker
	case "request.remote_ip", "request.headers.User-Agent":
		return signCaddy
	case "ClientAddr", "RequestPath", "ClientHost":
		return signTraefik
	case "reqId", "remoteAddr":
		return signNextcloud
	case "EventID", "winlog.event_id", "Event.System.EventID", "Event.System.EventID.#text", "winlog.channel", "data.win.system.eventID":
		return signWindows
	case "t.$date":
		return signMongo
	case "version", "short_message":
		return signGELF
	case "event_name", "occured", "source_uuid", "ipv4":
		return signESET
	case "agentRealtimeInfo.agentComputerName", "threatInfo.threatName", "threatInfo.classification", "agentDetectionInfo.agentIpV4":
		return signSentinel
	case "serviceSource", "detectionSource", "alertWebUrl", "incidentId", "AlertId", "providerAlertId", "properties.AlertId", "category", "operationName":
		return signDefender
	case "alert_unique_id", "rule_name", "agent.agentid", "alert_type", "security_event_id":
		return signHarfang
	case "SYSCALL.exe", "ANOM_ABEND", "ANOM_ABEND.exe", "EXECVE.ARGV":
		return signLaurel
	case "engine", "serverTimestamp", "persistenceTimestamp", "clientTimestamp":
		return signWithSecure
	}
	return 0
}

// record reads a line that is one JSON object, and tells the product from its
// keys.
func (r *Reader) record(b []byte, depth int) bool {
	if !r.object(b) || len(r.fields) == 0 {
		return false
	}
	var have, twice sign
	for i := range r.fields {
		s := signOf(r.fields[i].Name)
		twice |= have & s
		have |= s
	}
	switch {
	case have&signSuricata != 0 && r.has("exporter"):
		return r.netflow()
	case twice&signSuricata != 0 || have&signSuricata != 0 && r.has("src_ip"):
		return r.suricata()
	case have&signSuricata != 0 && string(r.get("event_type")) == "stats" && r.has("stats.uptime"):
		return r.suricata()
	case twice&signZeek != 0:
		return r.zeek()
	case twice&signDocker != 0:
		return r.container(depth)
	case have&signWindows != 0 && r.windows():
		return true
	case have&signCaddy != 0:
		return r.caddy()
	case twice&signTraefik != 0:
		return r.traefik()
	case have&signMongo != 0:
		return r.mongodb()
	case twice&signNextcloud != 0:
		return r.nextcloud()
	case twice&signGELF != 0:
		return r.gelf(depth)
	case twice&signESET != 0 && (r.has("event_type") || r.has("hostname")):
		return r.eset()
	case have&signSentinel != 0:
		return r.sentinelone()
	case twice&signDefender != 0:
		return r.defender365()
	case twice&signHarfang != 0:
		return r.harfanglab()
	case have&signLaurel != 0 && r.has("ID"):
		return r.laurel()
	case twice&signWithSecure != 0:
		return r.withsecure()
	}
	return r.anyRecord(depth)
}

// container unwraps what Docker writes: {"log":"…","stream":"…","time":"…"}.
func (r *Reader) container(depth int) bool {
	inner, t := r.get("log"), r.get("time")
	inner = clean(inner)
	r.fields, r.roles = r.fields[:0], r.roles[:0]
	ok := r.line(inner, depth+1)
	if r.ev.Time.IsZero() || r.ev.Zone == ZoneMachine {
		r.whenField(t) // Docker's clock has an offset
	}
	return ok
}

// gelf reads Graylog's format; a message that is a line of a known product is
// read as that, with the sender's time.
func (r *Reader) gelf(depth int) bool {
	e := &r.ev
	full, short := r.get("full_message"), r.get("short_message")
	host, ts := r.get("host"), r.get("timestamp")
	e.Device = host
	for i := range r.fields { // additional fields carry an underscore
		if n := r.fields[i].Name; len(n) > 1 && n[0] == '_' && r.roles[i] == noRole {
			r.roles[i] = roleOf(n[1:])
		}
	}
	e.Process = r.getAny("_facility", "facility", "_application_name", "_program")
	r.whenField(ts)
	kept := len(r.fields)
	if len(full) > 0 && !bytes.Equal(full, short) && r.known(full, depth) {
		r.ev.Device = host
		r.whenField(ts)
		return true
	}
	r.fields, r.roles = r.fields[:kept], r.roles[:kept]
	if e.Process != nil && r.known(short, depth) {
		return true
	}
	r.assign()
	e.Product = "gelf"
	if e.Action == "" {
		e.Action = Other
		if appVerdict(short) && e.Source.IsValid() {
			e.did(Login, Failure)
		} else if e.Method != nil && e.Source.IsValid() {
			e.Action = Request
			e.answered()
		}
	}
	return true
}

// known reads a line inside a record and says whether it was of a product that
// has a name of its own.
func (r *Reader) known(b []byte, depth int) bool {
	before := r.ev
	if depth >= maxDepth {
		return false
	}
	ok := false
	if before.Process != nil {
		ok = r.program(before.Process, b, depth+1)
	}
	if !ok || generic(r.ev.Product) {
		r.ev = before
		ok = r.line(clean(b), depth+1)
	}
	if !ok || generic(r.ev.Product) {
		r.ev = before
		return false
	}
	return true
}

func generic(product string) bool {
	switch product {
	case "", "json", "kv", "syslog", "app", "gelf", "cef", "leef", "w3c":
		return true
	}
	return false
}

// anyRecord reads a record of a program that nobody here knows.
func (r *Reader) anyRecord(depth int) bool {
	e := &r.ev
	r.assign()
	msg := r.getAny("message", "msg", "MESSAGE", "event", "error", "log.message", "short_message", "description", "type")
	if t := r.getAny("time", "ts", "timestamp", "@timestamp", "datetime"); len(t) > 0 && e.Time.IsZero() {
		r.whenField(t)
	}
	if !e.Source.IsValid() {
		for _, k := range [...]string{"ip", "remote", "context.ip", "request.remote_ip", "visitor_ip", "addr.remote", "downstream_remote_address", "req.remoteAddress", "http.client_ip", "context.http_request.client_ip", "auth.client_ip", "ctx.ip", "remote-addr", "peer", "client", "src_ip_address", "session.remote_addr", "forwarded_for_ip", "sourceIPAddress", "client.ipAddress"} {
			if v := r.get(k); len(v) > 0 && e.from(v) {
				break
			}
		}
	}
	if e.User == nil {
		e.person(r.getAny("email", "account", "identifier", "userIdentity.userName", "context.username", "user.email", "uname", "name"))
	}
	e.Product, e.Action = "json", Other
	if r.embedded(msg, depth) {
		return true
	}
	r.judge(msg)
	return true
}

// embedded reads journald exported as JSON and shippers that put the line into
// "message" and name the program beside it.
func (r *Reader) embedded(msg []byte, depth int) bool {
	prog := r.getAny("SYSLOG_IDENTIFIER", "program", "syslog_program", "process.name", "appname", "ident", "_COMM")
	if len(prog) == 0 || len(msg) == 0 || depth >= maxDepth {
		return false
	}
	before := r.ev
	n := len(r.fields)
	r.ev.Process = prog
	if h := r.getAny("_HOSTNAME", "hostname", "host.name", "host", "syslog_hostname"); len(h) > 0 {
		r.ev.Device = h
	}
	if t := r.getAny("__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP"); len(t) > 0 {
		r.epoch(t)
	}
	at, zone, dev := r.ev.Time, r.ev.Zone, r.ev.Device
	r.ev.Source = before.Source
	r.ev.Action, r.ev.Product, r.ev.User = "", "", nil
	if r.program(prog, msg, depth+1) && !generic(r.ev.Product) {
		if !at.IsZero() {
			r.ev.Time, r.ev.Zone = at, zone
		}
		r.ev.Device = dev
		return true
	}
	r.ev = before
	r.fields, r.roles = r.fields[:n], r.roles[:n]
	return false
}

// judge makes a log-in or a request of a record without a name.
func (r *Reader) judge(msg []byte) {
	e := &r.ev
	tried, failed, out := r.kinds()
	switch {
	case !e.Source.IsValid():
		if len(msg) > 0 && r.app(msg) {
			return
		}
	case failed || appVerdict(msg):
		e.Product = "app"
		e.did(Login, Failure)
	case out || hasFold(msg, "logged out"):
		e.Product = "app"
		e.did(Logout, "")
	case tried || hasFold(msg, "logged in") || hasFold(msg, "login"):
		e.Product = "app"
		e.did(Login, Success)
		ok := r.getAny("success", "outcome", "result", "status", "responseElements.ConsoleLogin", "event.outcome")
		if code := count(r.getAny("statusCode", "status_code", "status")); string(ok) == "false" || hasFold(ok, "fail") || code == 401 || code == 403 {
			e.Outcome = Failure
		}
	}
	if e.Action != Other {
		return
	}
	if s := r.getAny("response_code", "statusCode", "status", "res.statusCode", "code"); e.Status == 0 {
		if n, ok := number(s); ok && n >= 100 && n < 600 {
			e.Status = n
		}
	}
	set(&e.Method, r.getAny("req.method", "request_method", "verb"))
	set(&e.Path, r.getAny("req.url", "request.url", "uri_path"))
	set(&e.Host, r.getAny(":authority", "authority"))
	if e.Source.IsValid() && (e.Method != nil || e.Path != nil) {
		e.Action = Request
		e.answered()
		if e.Status == 0 && r.has("error") {
			e.Outcome = Failure
			if er := r.get("error"); hasFold(er, "unauthorized") {
				e.did(Login, Failure)
				e.Product = "app"
			}
		}
	}
}

// kinds looks at the fields in which programs say what kind of event a record
// is.
func (r *Reader) kinds() (tried, failed, out bool) {
	for _, k := range [...]string{"type", "event", "eventName", "action", "event.type", "event_type", "eventType", "code"} {
		v := r.get(k)
		if len(v) < 5 || len(v) > 64 {
			continue
		}
		switch {
		case hasFold(v, "login_error"), hasFold(v, "login_fail"), hasFold(v, "loginfail"), hasFold(v, "invalid_login"), hasFold(v, "invalid_identifier"), hasFold(v, "login.fail"):
			failed = true
		case hasFold(v, "logout"):
			out = true
		case hasFold(v, "login"), hasFold(v, "signin"):
			tried = true
		}
	}
	return tried, failed, out
}
