package logline

func (r *Reader) suricata() bool {
	e := &r.ev
	e.Product = "suricata"
	kind := r.get("event_type")
	e.Channel = kind
	r.whenField(r.get("timestamp"))
	r.assign()
	e.Device = r.getAny("host", "sensor", "in_iface")
	r.level = nil
	switch string(kind) {
	case "alert", "anomaly", "drop":
		e.did(Alert, "")
		if string(r.get("alert.action")) == "blocked" || string(kind) == "drop" {
			e.Outcome = Denied
		}
		e.Threat = r.getAny("alert.signature", "anomaly.event", "drop.reason")
		e.ID = count(r.get("alert.signature_id"))
		switch string(r.get("alert.severity")) {
		case "1":
			e.Level = "high"
		case "2":
			e.Level = "medium"
		case "3", "4":
			e.Level = "low"
		}
	case "dns":
		e.did(Query, Success)
		e.Name = r.getAny("dns.rrname", "dns.query.rrname", "dns.queries.rrname")
		if c := r.get("dns.rcode"); len(c) > 0 && string(c) != "NOERROR" {
			e.Outcome = Failure
		}
	case "http":
		e.did(Request, "")
		e.Status = count(r.get("http.status"))
		e.answered()
	case "smtp":
		e.did(Mail, Success)
		e.Name = r.get("smtp.mail_from")
	case "ssh", "tls", "flow", "netflow", "rdp", "smb", "krb5", "ftp", "mqtt":
		e.did(Connect, Success)
		set(&e.Host, r.get("tls.sni"))
	case "fileinfo":
		e.Action, e.Name = Other, r.get("fileinfo.filename")
	default:
		e.Action = Other
	}
	return true
}
