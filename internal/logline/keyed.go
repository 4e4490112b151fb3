package logline

import "bytes"

// keyed reads a line of pairs and tells the product from its keys.
func (r *Reader) keyed(b []byte, depth int) bool {
	sep := byte(' ')
	if i := bytes.IndexByte(b[:min(len(b), 80)], ','); i > 0 && starts(b, "date=") && i < 20 {
		sep = ','
	} else if i := bytes.IndexByte(b[:min(len(b), 120)], ' '); i < 0 && bytes.IndexByte(b, '|') > 0 {
		sep = '|'
	}
	from := len(r.fields)
	head, n := r.pairs(b, sep)
	if n > 0 && r.keyedAs(head, b, depth) {
		return true
	}
	r.fields, r.roles = r.fields[:from], r.roles[:from]
	return false
}

// keyedAs tells the product from the keys.
func (r *Reader) keyedAs(head, b []byte, depth int) bool {
	for _, ro := range r.roles[:min(len(r.roles), 16)] {
		if ro == roleLogID {
			return r.fortigate()
		}
	}
	for i := range min(len(r.fields), 24) {
		switch r.fields[i].Name {
		case "logid", "devid":
			return r.fortigate()
		case "log_type", "log_component", "log_id":
			return r.sophos()
		case "device":
			if v := r.fields[i].Value; string(v) == "SFW" || has(v, "SF") {
				return r.sophos()
			}
		case "startime", "logtype", "confid":
			return r.stormshield()
		case "fw":
			if r.has("sn") || r.has("pri") && r.has("m") {
				return r.sonicwall()
			}
		case "sub":
			if r.has("sys") {
				return r.sophosUTM()
			}
		case "SRC":
			return r.netfilterFields(head)
		case "msg":
			if starts(r.fields[i].Value, "audit(") {
				return r.audit(b)
			}
		case "remip", "IN", "loggerName", "vd":
			if r.fields[i].Name == "remip" || r.fields[i].Name == "vd" {
				return r.fortigate()
			}
		case "__policy_id_tag", "product", "ProductName", "loguid":
			if r.has("origin") || r.has("loguid") || has(r.fields[i].Value, "VPN-1") {
				return r.checkpoint()
			}
		}
	}
	return r.logfmt(head, b, depth)
}
