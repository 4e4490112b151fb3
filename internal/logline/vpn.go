package logline

import "bytes"

var openvpnForms = compile(
	form{text: "TCP connection established with [AF_INET]{from}", action: Connect, outcome: Success},
	form{text: "TCP connection established with [AF_INET6]{from}", action: Connect, outcome: Success},
	form{text: "[{user-}] Peer Connection Initiated with [AF_INET]{from}", action: Connect, outcome: Success},
	form{text: "[{user-}] Peer Connection Initiated with [AF_INET6]{from}", action: Connect, outcome: Success},
	form{text: "TLS: Username/Password authentication succeeded for username '{user}'", action: Login, outcome: Success},
	form{text: "TLS: Username/Password authentication deferred for username '{user}'", action: Other},
	form{text: "TLS Auth Error: Auth Username/Password verification failed for peer", action: Login, outcome: Failure},
	form{text: "TLS Auth Error", action: Login, outcome: Failure},
	form{text: "PLUGIN_CALL: {any}AUTH_USER_PASS_VERIFY status=1", action: Login, outcome: Failure},
	form{text: "WARNING: Failed running command (--auth-user-pass-verify)", action: Login, outcome: Failure},
	form{text: "SENT CONTROL [{user-}]: 'AUTH_FAILED", action: Login, outcome: Failure},
	form{text: "AUTH: Received control message: AUTH_FAILED", action: Login, outcome: Failure},
	form{text: "OpenSSL: error", action: Probe},
	form{text: "VERIFY ERROR: ", action: Login, outcome: Failure},
	form{text: "VERIFY OK: ", action: Other},
	form{text: "TLS Error: TLS handshake failed", action: Probe},
	form{text: "TLS Error: incoming packet authentication failed from [AF_INET]{from}", action: Probe},
	form{text: "TLS Error: tls-crypt unwrapping failed from [AF_INET]{from}", action: Probe},
	form{text: "TLS Error: ", action: Probe},
	form{text: "Authenticate/Decrypt packet error", action: Probe},
	form{text: "WARNING: Bad encapsulated packet length from peer", action: Probe},
	form{text: "MULTI: Learn: {any} -> ", action: Login, outcome: Success},
	form{text: "MULTI_sva: pool returned IPv4={dest}", action: Other},
	form{text: "MULTI: bad source address from client [{dest}]", action: Other},
	form{text: "SIGTERM[soft,remote-exit] received, client-instance exiting", action: Close},
	form{text: "SIGUSR1[soft,{any}] received, client-instance restarting", action: Close},
	form{text: "Connection reset, restarting", action: Close},
)

// openvpn reads a server: "user/IP:PORT text" or "IP:PORT text", which later
// lines may write with nothing but the name; who it was is then remembered.
func (r *Reader) openvpn(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action = "openvpn", Other
	for _, l := range [...]string{"us=", "server "} { // verbose time, name of the instance
		if starts(msg, l) {
			_, msg = word(msg)
		}
	}
	w, rest := word(msg)
	var name []byte
	client := w
	if i := bytes.LastIndexByte(w, '/'); i > 0 {
		name, client = w[:i], w[i+1:]
	}
	for _, p := range [...]string{"udp4:", "udp6:", "tcp4-server:", "tcp6-server:"} {
		client, _ = after(client, p)
	}
	src, p, ok := addrPort(client)
	if ok {
		msg = rest
	}
	openvpnForms.read(msg, e)
	if ok {
		e.Source, e.SrcPort = src, p
	}
	if len(name) > 0 && ok {
		e.User = name
	}
	if string(e.User) == "UNDEF" {
		e.User = nil
	}
	if ok && e.User != nil && name == nil && e.Action == Login {
		r.joins.keep(client, kept{user: string(e.User)})
	} else if ok && e.User == nil && e.Action == Login {
		if k, found := r.joins.recall(client); found {
			e.User = r.hold(k.user)
		}
	}
	return true
}

// strongswan reads charon. The address is in the lines about packets, the
// outcome in others: they are joined by "<name|7>".
func (r *Reader) strongswan(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action = "strongswan", Other
	if i := bytes.IndexByte(msg, '['); i >= 0 && i < 4 && digits(msg) == i {
		if j := bytes.IndexByte(msg, ']'); j > 0 {
			e.Channel = msg[i+1 : j]
			msg = trim(msg[j+1:])
		}
	}
	var id []byte
	if starts(msg, "<") {
		if i := bytes.IndexByte(msg, '>'); i > 0 {
			id, msg = msg[1:i], trim(msg[i+1:])
		}
	}
	k, known := r.joins.recall(id)
	switch {
	case starts(msg, "received packet: from "):
		e.swanPeer(msg[22:])
		r.joins.keep(id, kept{from: string(swanWord(msg[22:])), user: k.user})
		e.Action = Connect
		return true
	case starts(msg, "sending packet: from "):
		return true
	case starts(msg, "EAP-MS-CHAPv2 username: '"), starts(msg, "received EAP identity '"):
		u := msg[index(msg, "'")+1:]
		u = bytes.TrimSuffix(u, []byte("'"))
		r.joins.keep(id, kept{from: k.from, user: string(u)})
		e.User = u
	default:
		swanForms.read(msg, e)
	}
	if known {
		if !e.Source.IsValid() {
			e.swanPeer([]byte(k.from))
		}
		if e.User == nil && k.user != "" && (e.Action == Login || e.Action == InvalidUser) {
			e.User = r.hold(k.user)
		}
	}
	if r.swanDetail(msg); e.Action == Login && e.User == nil && k.user != "" {
		e.User = r.hold(k.user)
	}
	return true
}

var swanForms = compile(
	form{text: "{ip} is initiating a", action: Connect},
	form{text: "EAP method EAP_MSCHAPV2 failed for peer {user}", action: Login, outcome: Failure},
	form{text: "EAP method {method} failed for peer {user}", action: Login, outcome: Failure},
	form{text: "EAP-MS-CHAPv2 verification failed", action: Login, outcome: Failure},
	form{text: "EAP method {method} succeeded, ", action: Login, outcome: Success},
	form{text: "XAuth authentication of '{user}' failed", action: Login, outcome: Failure},
	form{text: "XAuth authentication of '{user}' successful", action: Login, outcome: Success},
	form{text: "RADIUS authentication of '{user}' failed", action: Login, outcome: Failure},
	form{text: "RADIUS authentication of '{user}' successful", action: Login, outcome: Success},
	form{text: "no EAP key found for hosts '{any}' - '{user}'", action: InvalidUser, outcome: Failure},
	form{text: "authentication of '{user}' with {any} successful", action: Login, outcome: Success},
	form{text: "authentication of '{user}' with {any} failed", action: Login, outcome: Failure},
	form{text: "no shared key found for ", action: Login, outcome: Failure},
	form{text: "no matching peer config found", action: Probe},
	form{text: "no IKE config found for {dest}...{ip}", action: Probe},
	form{text: "no proposal found", action: Probe},
	form{text: "received NO_PROPOSAL_CHOSEN", action: Probe},
	form{text: "tried {repeat} shared key", action: Login, outcome: Failure},
	form{text: "parsed IKE_AUTH request", action: Other},
)

// swanDetail reads the addresses that some outcomes carry themselves:
// "IKE_SA vpn[7] established between LOCAL[id]...REMOTE[id]".
func (r *Reader) swanDetail(msg []byte) {
	e := &r.ev
	if starts(msg, "IKE_SA ") && has(msg, "] established between ") {
		e.did(Connect, Success)
		if i := index(msg, "]..."); i > 0 {
			rest := msg[i+4:]
			w, _, _ := cut(rest, "[")
			e.from(w)
			if u := between(rest, "[", "]"); u != nil {
				e.person(u)
			}
		}
	}
}

func swanWord(b []byte) []byte { w, _ := word(b); return w }

// swanPeer reads IP[PORT].
func (e *Event) swanPeer(b []byte) {
	w := swanWord(b)
	if i := bytes.IndexByte(w, '['); i > 0 && len(w) > 0 && w[len(w)-1] == ']' {
		if a, ok := ip(w[:i]); ok {
			e.Source, e.SrcPort = a, port(w[i+1:len(w)-1])
		}
		return
	}
	e.from(w)
}

// wireguard reads the kernel module: "wireguard: wg0: Invalid handshake
// initiation from 192.0.2.1:51820".
func (r *Reader) wireguard(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action, e.Proto = "wireguard", Other, "udp"
	_, said, ok := cut(msg, ": ")
	if !ok {
		return true
	}
	e.Channel = msg[:len(msg)-len(said)-2]
	wireguardForms.read(said, e)
	if i := lastIndex(said, "("); i >= 0 && !e.Source.IsValid() && ends(said, ")") {
		e.from(said[i+1 : len(said)-1])
	}
	return true
}

var wireguardForms = compile(
	form{text: "Invalid handshake initiation from {from}", action: Probe},
	form{text: "Invalid handshake response from {from}", action: Probe},
	form{text: "Invalid MAC of handshake, dropping packet from {from}", action: Probe},
	form{text: "Packet has unallowed src IP ({dest}) from peer {any} ({from})", action: Connect, outcome: Denied},
	form{text: "Receiving handshake initiation from peer {name-} ({from})", action: Connect, outcome: Success},
	form{text: "Keypair {any} created for peer {name}", action: Login, outcome: Success},
	form{text: "Handshake for peer {name-} ({from}) did not complete", action: Connect, outcome: Failure},
)

// nps reads the rows of the policy server that AlwaysOn VPN asks. In the format
// of databases the columns stand by position: the fifth is 1 for a request, 2
// accepted, 3 rejected. An acceptance names no address: it is joined with its
// request by the class at the end.
func (r *Reader) nps(b []byte) bool {
	c := r.split(b, ',')
	if len(c) < 20 {
		return false
	}
	e := &r.ev
	e.Product, e.Device, e.Action = "alwayson", c[0], Login
	if t := c[2]; len(t) == 10 && t[2] == '/' && t[5] == '/' { // always month first
		from := len(r.buf)
		r.buf = append(append(append(r.buf, t...), ' '), c[3]...)
		r.civil(r.buf[from:], true)
	}
	e.person(c[5])
	if e.User == nil {
		e.person(c[6])
	}
	calling := c[8]
	e.from(calling)
	e.to(c[15])
	switch string(c[4]) {
	case "1":
		e.did(Other, "")
	case "2":
		e.Outcome = Success
	case "3":
		e.Outcome = Failure
	default:
		e.Action = Other
	}
	r.add("packet_type", c[4])
	r.add("reason_code", at(c, 25))
	class := at(c, 33)
	if len(class) == 0 {
		class = c[5]
	}
	if e.Source.IsValid() {
		r.joins.keep(class, kept{from: string(calling)})
	} else if k, ok := r.joins.recall(class); ok {
		e.from([]byte(k.from))
	}
	return true
}

// npsRow knows "SERVER","IAS",11/24/2026,08:55:46,1,…
func npsRow(b []byte) bool {
	return b[0] == '"' && (has(b[:min(len(b), 80)], `,"IAS",`) || has(b[:min(len(b), 80)], `,"NPS",`))
}

// ivanti reads what Ivanti and Pulse gateways send as text in front of pairs:
// "id=firewall time=… user=… realm=… msg="AUT22673: Login failed …"".
func (r *Reader) ivanti() bool {
	e := &r.ev
	e.Product = "ivanti"
	r.assign()
	msg := r.get("msg")
	w, rest, _ := cut(msg, ": ")
	e.Channel = w
	e.person(r.get("user"))
	switch {
	case hasFold(rest, "login failed"), hasFold(rest, "authentication failed"), hasFold(rest, "primary authentication failed"):
		e.did(Login, Failure)
	case hasFold(rest, "login succeeded"), hasFold(rest, "authentication successful"):
		e.did(Login, Success)
	case hasFold(rest, "logout"), hasFold(rest, "session ended"):
		e.Action = Logout
	case hasFold(rest, "blocked"), hasFold(rest, "rejected"):
		e.did(Connect, Denied)
	default:
		e.Action = Other
	}
	return true
}
