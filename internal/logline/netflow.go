package logline

// netflow reads a flow as the agent writes those that exporters of NetFlow, IPFIX
// and sFlow send: one connection, or a part of it, that somebody saw pass. A TCP
// flow with nothing but SYN was not answered there: it says nothing of success.
func (r *Reader) netflow() bool {
	e := &r.ev
	e.Product, e.Device, e.Channel = "netflow", r.get("exporter"), r.get("flow")
	r.whenField(r.get("timestamp"))
	r.assign()
	if a, ok := ip(r.get("nat_source_ip")); ok {
		e.NATSource, e.NATPort = a, count(r.get("nat_source_port"))
	}
	e.did(Connect, Success)
	switch {
	case string(r.get("firewall_event")) == "3":
		e.Outcome = Denied
	case string(r.get("flags")) == "2":
		e.Outcome = ""
	}
	return true
}
