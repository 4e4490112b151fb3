package logline

import "bytes"

var mikrotikForms = compile(
	form{text: "login failure for user {user} from {ip} via {channel}", action: Login, outcome: Failure},
	form{text: "login failure for user {user} via {channel}", action: Login, outcome: Failure},
	form{text: "user {user} logged in from {ip} via {channel}", action: Login, outcome: Success},
	form{text: "user {user} logged in via {channel}", action: Login, outcome: Success},
	form{text: "user {user} logged out from {ip} via {channel}", action: Logout},
	form{text: "user {user} authentication failed", action: Login, outcome: Failure},
	form{text: "user {user} logged in, {any}", action: Login, outcome: Success},
	form{text: "user {user} logged out, {any}", action: Logout},
	form{text: "denied winbox/dude connect from {ip}", action: Connect, outcome: Denied},
	form{text: "dns query from {from}: #{any} {name} ", action: Query},
	form{text: "query from {from}: #{any} {name} ", action: Query},
	form{text: "{ip} failed to pre-process ph1 packet", action: Probe},
	form{text: "{ip} failed to get valid proposal", action: Probe},
	form{text: "{ip} parsing packet failed", action: Probe},
	form{text: "phase1 negotiation failed due to time up {dest}[{any}]<=>{ip}[{port}]", action: Probe},
	form{text: "TCP connection established from {ip}", action: Connect, outcome: Success},
	form{text: "first L2TP UDP packet received from {ip}", action: Connect},
)

// mikrotik reads RouterOS: topics parted by commas, then a text, as in
// "firewall,info forward: in:ether1 out:bridge, proto TCP (SYN), IP:PORT->IP:PORT".
func (r *Reader) mikrotik(b []byte) bool {
	topics, msg := word(b)
	if !topicList(topics) {
		return false
	}
	e := &r.ev
	e.Product, e.Channel, e.Action = "mikrotik", topics, Other
	msg = trim(msg)
	if i := index(msg, "->"); i > 0 && has(msg, "proto ") {
		r.mikrotikFlow(msg)
		return true
	}
	if starts(topics, "firewall") && !mikrotikForms.read(msg, e) {
		r.mikrotikFlow(msg)
		return true
	}
	if mikrotikForms.read(msg, e) {
		return true
	}
	if i := index(msg, " by "); i > 0 && (has(msg[:i], "changed") || has(msg[:i], "added") || has(msg[:i], "removed")) {
		e.did(Change, Success)
		e.Name = msg[:i]
		e.User, _ = word(msg[i+4:])
	}
	return true
}

// topicList knows "system,error,critical".
func topicList(b []byte) bool {
	i := bytes.IndexByte(b, ',')
	if i < 2 {
		return false
	}
	switch string(b[:i]) {
	case "system", "firewall", "dhcp", "wireless", "ipsec", "l2tp", "pptp", "sstp", "ovpn", "ppp", "dns", "account", "interface", "route", "web-proxy", "hotspot", "radius", "script", "ssh", "pppoe", "certificate", "caps", "e-mail", "snmp", "wireguard", "manager":
		return true
	}
	return false
}

// mikrotikFlow reads what a rule logged. A prefix of free text may stand
// before the chain; IPv6 addresses stand in brackets; without ports there are
// only the two addresses.
func (r *Reader) mikrotikFlow(msg []byte) {
	e := &r.ev
	e.did(Connect, "")
	i := index(msg, "->")
	p := index(msg, "proto ")
	if i < 0 || p < 0 {
		e.Action = Other
		return
	}
	w, _ := word(msg[p+6:])
	w = bytes.TrimSuffix(w, []byte(","))
	e.Proto = protocol(w)
	if i < p {
		i = p + index(msg[p:], "->")
	}
	start := bytes.LastIndexByte(msg[:i], ' ')
	left := msg[start+1 : i]
	right := msg[i+2:]
	right = right[:addrPortLen(right)]
	if !e.from(left) {
		e.Source = addr(left)
	}
	if !e.to(right) {
		e.Dest = addr(right)
	}
	head := msg
	if j := index(msg, " in:"); j > 0 {
		head = msg[:j]
	}
	r.add("chain", head)
	if nat := between(msg, "NAT (", "->"); nat != nil {
		if a, _, ok := addrPort(nat); ok && a == e.Source {
			rest := msg[index(msg, "NAT (")+5+len(nat)+2:]
			e.NATSource, e.NATPort, _ = addrPort(rest[:addrPortLen(rest)])
		}
	}
	switch {
	case hasFold(head, "drop"), hasFold(head, "block"), hasFold(head, "reject"), hasFold(head, "den"):
		e.Outcome = Denied
	case hasFold(head, "accept"), hasFold(head, "allow"):
		e.Outcome = Success
	}
}
