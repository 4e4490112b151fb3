package logline

// paloalto reads the rows of PAN-OS: columns by position, and which ones
// depends on the type in the fourth. GlobalProtect has columns of its own.
func (r *Reader) paloalto(b []byte) bool {
	e := &r.ev
	c := r.split(b, ',')
	if len(c) < 8 {
		return false
	}
	e.Product, e.Device, e.Channel = "paloalto", c[2], c[3]
	if !r.whenField(c[6]) {
		r.whenField(c[1])
	}
	r.add("serial", c[2])
	r.add("type", c[3])
	r.add("subtype", c[4])
	switch string(c[3]) {
	case "TRAFFIC":
		r.panFlow(c)
		e.did(Connect, panOutcome(at(c, 30)))
		r.add("action", at(c, 30))
	case "THREAT":
		r.panFlow(c)
		e.did(Alert, panOutcome(at(c, 30)))
		r.add("action", at(c, 30))
		e.Path = at(c, 31)
		e.Threat = at(c, 32)
		e.Level = level(at(c, 34))
		if string(c[4]) == "url" {
			e.did(Request, panOutcome(at(c, 30)))
			e.Threat, e.Level = nil, ""
		}
	case "GLOBALPROTECT":
		r.panGlobalProtect(c)
	case "SYSTEM":
		e.Threat = nil
		r.panSystem(at(c, 14))
	case "CONFIG":
		e.did(Change, Success)
		e.from(c[7])
		e.Name = at(c, 9)
		e.person(at(c, 10))
	default:
		e.Action = Other
	}
	return true
}

func panOutcome(b []byte) string {
	switch string(b) {
	case "allow", "alert", "continue":
		return Success
	case "":
		return ""
	}
	return Denied // deny, drop, reset-both, block-url, sinkhole, …
}

func (r *Reader) panFlow(c [][]byte) {
	e := &r.ev
	e.from(c[7])
	e.to(at(c, 8))
	e.NATSource = addr(at(c, 9))
	e.person(at(c, 12))
	e.SrcPort, e.DestPort, e.NATPort = port(at(c, 24)), port(at(c, 25)), port(at(c, 26))
	e.Proto = protocol(at(c, 29))
	for _, f := range [...]struct {
		i    int
		name string
	}{{11, "rule"}, {14, "app"}, {15, "vsys"}, {16, "from"}, {17, "to"}, {18, "inbound_if"}, {19, "outbound_if"}} {
		r.add(f.name, at(c, f.i))
	}
	if e.NATSource.IsValid() && (e.NATSource == e.Source || e.NATSource.IsUnspecified()) {
		e.NATSource, e.NATPort = addr(nil), 0
	}
}

// panGlobalProtect reads the VPN: the stage stands in column 8, the user in 12,
// the public address in 15 (IPv4) or 16.
func (r *Reader) panGlobalProtect(c [][]byte) {
	e := &r.ev
	e.person(at(c, 12))
	if e.Source = addr(at(c, 15)); !e.Source.IsValid() || e.Source.IsUnspecified() {
		e.Source = addr(at(c, 16))
	}
	e.Channel = at(c, 8)
	status := at(c, 27)
	out := Success
	for _, v := range c[min(20, len(c)):] {
		if string(v) == "failure" {
			out = Failure
		}
	}
	r.add("status", status)
	switch string(at(c, 8)) {
	case "gateway-auth", "portal-auth", "gateway-prelogin", "portal-prelogin":
		e.did(Login, out)
	case "gateway-connected", "gateway-setup-ipsec", "gateway-register":
		e.did(Connect, out)
	case "gateway-logout":
		e.Action = Logout
	default:
		e.did(Other, out)
	}
}

var panForms = compile(
	form{text: "failed authentication for user '{user}'. {any}From: {ip}", action: Login, outcome: Failure},
	form{text: "failed authentication for user '{user}'. {any}auth profile", action: Login, outcome: Failure},
	form{text: "failed authentication for user '{user}'", action: Login, outcome: Failure},
	form{text: "authenticated for user '{user}'. {any}From: {ip}", action: Login, outcome: Success},
	form{text: "User {user-} logged in via {any} from {ip} using", action: Login, outcome: Success},
	form{text: "User {user-} logged out via {any} from {ip}", action: Logout},
	form{text: "Failed to authenticate user {user} from {ip}", action: Login, outcome: Failure},
	form{text: "User '{user}' failed authentication. Reason: {any}From: {ip}", action: Login, outcome: Failure},
	form{text: "GlobalProtect gateway user authentication failed. Login from: {ip}, Source region: {any}, User name: {user-},", action: Login, outcome: Failure},
	form{text: "GlobalProtect portal user authentication failed. Login from: {ip}, Source region: {any}, User name: {user-},", action: Login, outcome: Failure},
	form{text: "GlobalProtect gateway user authentication succeeded. Login from: {ip}, Source region: {any}, User name: {user-},", action: Login, outcome: Success},
	form{text: "GlobalProtect portal user authentication succeeded. Login from: {ip}, Source region: {any}, User name: {user-},", action: Login, outcome: Success},
)

func (r *Reader) panSystem(msg []byte) {
	if !panForms.read(msg, &r.ev) {
		r.ev.Action = Other
	}
}
