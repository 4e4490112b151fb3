package logline

// netfilter reads what the Linux kernel logs of a packet: a prefix of the
// administrator's choice, then IN= OUT= SRC= DST= PROTO= SPT= DPT=. UniFi
// gateways, Synology and Proxmox write the same with prefixes of their own.
func (r *Reader) netfilter(msg []byte) bool {
	if index(msg, "IN=") < 0 || index(msg, " SRC=") < 0 {
		return false
	}
	at := index(msg, "IN=")
	head := msg[:at]
	r.pairs(msg[at:], ' ')
	return r.netfilterFields(head)
}

func (r *Reader) netfilterFields(head []byte) bool {
	e := &r.ev
	e.Product = "netfilter"
	r.assign()
	for len(head) > 0 && (head[0] == '[' || head[0] == ' ') { // the kernel's own clock
		_, rest, ok := cut(head, "]")
		if !ok || head[0] == ' ' {
			head = head[1:]
			continue
		}
		if digits(trim(head[1:])) == 0 { // [UFW BLOCK], [WAN_LOCAL-default-D]
			break
		}
		head = rest
	}
	head = trim(head)
	e.Channel = head
	e.did(Connect, Denied)
	switch {
	case len(head) == 0:
		e.Outcome = ""
	case hasFold(head, "accept"), hasFold(head, "allow"), hasFold(head, "permit"):
		e.Outcome = Success
	case unifiRule(head):
		e.Product = "unifi"
		switch head[len(head)-1] {
		case 'A', 'a':
			e.Outcome = Success
		}
		if hasFold(head, "-a]") {
			e.Outcome = Success
		}
	case !hasFold(head, "drop") && !hasFold(head, "block") && !hasFold(head, "den") && !hasFold(head, "reject") && !hasFold(head, "policy"):
		e.Outcome = ""
	}
	return true
}

// unifiRule knows [WAN_LOCAL-default-D], [FW-A-WAN_IN-1-D] and the like.
func unifiRule(b []byte) bool {
	return len(b) > 6 && b[0] == '[' && (has(b, "WAN_") || has(b, "LAN_") || has(b, "FW-") || has(b, "GUEST_") || has(b, "-default-"))
}

// filterlog reads the packet filter of pfSense and OPNsense: columns without
// names, of which there are more for IPv4 than for IPv6, and ports only for
// TCP and UDP.
func (r *Reader) filterlog(msg []byte) bool {
	e := &r.ev
	c := r.split(msg, ',')
	if len(c) < 16 {
		return false
	}
	e.Product, e.Channel = "pfsense", c[4]
	e.did(Connect, "")
	switch string(c[6]) {
	case "block", "reject":
		e.Outcome = Denied
	case "pass", "nat", "rdr":
		e.Outcome = Success
	}
	r.add("interface", c[4])
	r.add("rule", c[0])
	r.add("tracker", c[3])
	r.add("action", c[6])
	r.add("direction", c[7])
	src := 18
	if string(c[8]) == "6" {
		src = 15
		e.Proto = protocol(c[12])
		if e.Proto == "" {
			e.Proto = protocol(at(c, 13))
		}
	} else {
		e.Proto = protocol(at(c, 16))
	}
	e.Source, e.Dest = addr(at(c, src)), addr(at(c, src+1))
	if e.Proto == "tcp" || e.Proto == "udp" {
		e.SrcPort, e.DestPort = port(at(c, src+2)), port(at(c, src+3))
	}
	return true
}

var pfsenseForms = compile(
	form{text: "/index.php: webConfigurator authentication error for user '{user}' from: {ip}", action: Login, outcome: Failure},
	form{text: "/index.php: webConfigurator authentication error for '{user}' from {ip}", action: Login, outcome: Failure},
	form{text: "/index.php: Web GUI authentication error for '{user}' from {ip}", action: Login, outcome: Failure},
	form{text: "/index.php: Successful login for user '{user}' from: {ip}", action: Login, outcome: Success},
	form{text: "/index.php: Successful login for user '{user}' from {ip}", action: Login, outcome: Success},
	form{text: "/index.php: User logged out for user '{user}' from: {ip}", action: Logout},
	form{text: "user {user} authenticated successfully for WebGui", action: Login, outcome: Success},
	form{text: "user {user} could not authenticate for WebGui", action: Login, outcome: Failure},
	form{text: "/{name-}.php: Configuration Change: {user}@{from}", action: Change, outcome: Success},
	form{text: "user {user}@{ip} changed configuration to {name}", action: Change, outcome: Success},
)

// pfsense reads the pages of pfSense and OPNsense (php-fpm, audit, configd).
func (r *Reader) pfsense(msg []byte) bool {
	if !pfsenseForms.read(msg, &r.ev) {
		if !starts(msg, "/") || !has(msg[:min(len(msg), 60)], ".php: ") {
			return false
		}
		r.ev.Action = Other
	}
	r.ev.Product = "pfsense"
	return true
}
