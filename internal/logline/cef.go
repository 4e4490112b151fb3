package logline

import "bytes"

// cef reads the Common Event Format:
//
//	CEF:0|vendor|product|version|id|name|severity|key=value key=value
//
// Pipes in the head and equals signs in the values are escaped; values hold
// blanks, so a value ends where the next key begins. Vendors give values without
// a key of their own as cs1=… with cs1Label=…: both names are kept.
func (r *Reader) cef(b []byte) bool {
	var head [7][]byte
	rest := b
	for i := range head {
		j := pipe(rest)
		if j < 0 {
			if i < 6 {
				return false
			}
			j = len(rest)
		}
		head[i] = r.unescape(rest[:j], '\\')
		rest = rest[min(j+1, len(rest)):]
	}
	r.cefPairs(rest)
	r.labels()
	return r.vendor(head[1], head[2], head[4], head[5], head[6])
}

// pipe finds the next pipe without a backslash before it.
func pipe(b []byte) int {
	for at := 0; at < len(b); {
		i := bytes.IndexByte(b[at:], '|')
		if i < 0 {
			return -1
		}
		at += i
		if at == 0 || b[at-1] != '\\' || escapedSlash(b[:at]) {
			return at
		}
		at++
	}
	return -1
}

// cefPairs cuts key=value at every blank before a key and an unescaped equals
// sign.
func (r *Reader) cefPairs(b []byte) {
	b = trim(b)
	for len(b) > 0 {
		k := keyLen(b)
		if k == 0 {
			k = cefKey(b)
		}
		if k == 0 {
			_, rest := word(b)
			b = trim(rest)
			continue
		}
		key := b[:k]
		b = b[k+1:]
		end := len(b)
		for at := 0; ; {
			i := bytes.IndexByte(b[at:], ' ')
			if i < 0 {
				break
			}
			at += i + 1
			if keyLen(b[at:]) > 0 || cefKey(b[at:]) > 0 {
				end = at - 1
				break
			}
		}
		v := r.unescape(trim(b[:end]), '\\')
		if !r.field(key, v) {
			r.fields[len(r.fields)-1] = Field{Rest, b}
			return
		}
		b = b[min(end+1, len(b)):]
	}
}

// cefKey measures keys with brackets, as ad.field[0]=.
func cefKey(b []byte) int {
	for i := 0; i < len(b) && i < 64; i++ {
		switch {
		case b[i] == '=':
			if i > 0 && b[i-1] != '\\' {
				return i
			}
			return 0
		case !keyByte[b[i]] && b[i] != '[' && b[i] != ']':
			return 0
		}
	}
	return 0
}

// labels gives cs1, cn2, … also the names that their labels say.
func (r *Reader) labels() {
	for i := range len(r.fields) {
		name := r.fields[i].Name
		if len(name) < 6 || name[len(name)-5:] != "Label" {
			continue
		}
		if v := r.get(name[:len(name)-5]); len(v) > 0 && len(r.fields[i].Value) > 0 {
			r.field(r.fields[i].Value, v)
		}
	}
}

// leef reads the Log Event Extended Format, 1.0 and 2.0:
//
//	LEEF:1.0|vendor|product|version|id|key=value<TAB>key=value
//
// Relays print a tab as #011; version 2 names its own separator.
func (r *Reader) leef(b []byte) bool {
	var head [5][]byte
	rest := b
	v2 := starts(b, "LEEF:2")
	for i := range head {
		j := pipe(rest)
		if j < 0 {
			return false
		}
		head[i], rest = rest[:j], rest[j+1:]
	}
	sep := "\t"
	if v2 {
		if j := pipe(rest); j >= 0 && j < 8 {
			if s := rest[:j]; len(s) == 1 {
				sep = string(s)
			} else if x, ok := after(s, "0x"); ok || starts(s, "x") {
				if !ok {
					x = s[1:]
				}
				if v, n := hex4(append([]byte("00"), x...)); n == 4 && v > 0 && v < 128 {
					sep = string(v)
				}
			}
			rest = rest[j+1:]
		}
	}
	r.leefPairs(rest, sep)
	ok := r.vendor(head[1], head[2], head[4], head[4], r.getAny("sev", "severity"))
	if r.ev.Product == "cef" {
		r.ev.Product = "leef"
	}
	return ok
}

func (r *Reader) leefPairs(b []byte, sep string) {
	if !has(b, sep) && has(b, "#011") {
		sep = "#011"
	}
	if !has(b, sep) && has(b, " ") {
		r.cefPairs(b)
		return
	}
	for len(b) > 0 {
		pair, rest, _ := cut(b, sep)
		if i := bytes.IndexByte(pair, '='); i > 0 {
			if !r.field(trim(pair[:i]), trim(pair[i+1:])) {
				r.fields[len(r.fields)-1] = Field{Rest, b}
				return
			}
		}
		b = rest
	}
}

// vendor hands a record of CEF or LEEF to its product.
func (r *Reader) vendor(vendor, product, id, name, severity []byte) bool {
	e := &r.ev
	r.add("cef.vendor", vendor)
	r.add("cef.product", product)
	r.add("cef.id", id)
	r.add("cef.name", name)
	r.add("cef.severity", severity)
	e.ID = count(id)
	switch {
	case fold(vendor, "fortinet"):
		return r.cefFortinet(name)
	case fold(vendor, "watchguard"):
		return r.watchguard(id)
	case fold(vendor, "sonicwall"):
		r.cefCommon("sonicwall", name, severity)
		if e.ID == 0 {
			e.ID = count(r.get("m"))
		}
		act, out := e.Action, e.Outcome
		if r.sonicSaid(name); e.Action == Other {
			e.did(act, out)
		}
		return true
	case fold(vendor, "check point"):
		r.assign()
		r.cefTimes()
		r.checkpoint()
		if e.Action == Other && len(name) > 0 {
			r.cefAction(name, id)
		}
		return true
	case fold(vendor, "palo alto networks"):
		return r.cefCommon("paloalto", name, severity)
	case fold(vendor, "sophos"):
		return r.cefCommon("sophos", name, severity)
	case fold(vendor, "bitdefender"):
		return r.cefAlert("bitdefender", name, severity, id)
	case fold(vendor, "trend micro"), fold(vendor, "trendmicro"):
		return r.cefAlert("trendmicro", name, severity, id)
	case hasFold(vendor, "kaspersky"):
		return r.cefAlert("kaspersky", name, severity, id)
	case fold(vendor, "eset"):
		return r.cefAlert("eset", name, severity, id)
	case fold(vendor, "sentinelone"):
		return r.cefAlert("sentinelone", name, severity, id)
	case fold(vendor, "withsecure"), fold(vendor, "f-secure"):
		return r.cefAlert("withsecure", name, severity, id)
	case fold(vendor, "microsoft"):
		return r.cefAlert("m365-defender", name, severity, id)
	case fold(vendor, "ubiquiti"):
		return r.cefCommon("unifi", name, severity)
	case fold(vendor, "veeam"):
		return r.cefCommon("veeam", name, severity)
	case fold(vendor, "cisco"):
		return r.cefCommon("cisco-asa", name, severity)
	case fold(vendor, "stormshield"):
		return r.cefCommon("stormshield", name, severity)
	}
	return r.cefCommon("cef", name, severity)
}

// cefTimes prefers the time inside the record.
func (r *Reader) cefTimes() {
	for _, k := range [...]string{"rt", "devTime", "start", "end", "deviceReceiptTime"} {
		if v := r.get(k); len(v) > 0 && r.whenField(v) {
			break
		}
	}
	if v := r.getAny("dtz", "deviceTimeZone"); len(v) > 0 {
		r.shiftNamed(v)
	}
}

// cefCommon fills the event from the common keys and guesses the action from
// the words of the name and of act.
func (r *Reader) cefCommon(product string, name, severity []byte) bool {
	e := &r.ev
	e.Product = product
	r.cefTimes()
	r.assign()
	r.level = nil
	if e.User == nil {
		e.person(r.getAny("duser", "suser", "usrName"))
	}
	if !e.Source.IsValid() {
		e.Source = addr(r.getAny("c6a2", "sourceAddress"))
	}
	set(&e.Device, r.getAny("dvchost", "dvc", "deviceExternalId", "shost"))
	set(&e.Channel, r.getAny("cat", "deviceEventCategory"))
	r.cefAction(name, r.get("cef.id"))
	if e.Action == Alert {
		set(&e.Threat, name)
		e.Level = levelOf10(severity)
	}
	return true
}

func (r *Reader) cefAction(name, id []byte) {
	e := &r.ev
	act := r.getAny("act", "action", "disp", "deviceAction")
	out := ""
	switch o := r.getAny("outcome", "eventOutcome"); {
	case hasFold(o, "fail"):
		out = Failure
	case hasFold(o, "success"):
		out = Success
	}
	switch {
	case hasFold(act, "block"), hasFold(act, "deny"), hasFold(act, "denied"), hasFold(act, "drop"), hasFold(act, "reset"), hasFold(act, "reject"), hasFold(act, "prevent"), hasFold(act, "quarantin"):
		out = Denied
	case out == "" && (hasFold(act, "allow") || hasFold(act, "accept") || hasFold(act, "pass") || hasFold(act, "permit")):
		out = Success
	}
	cat := r.getAny("cat", "deviceEventCategory")
	switch {
	case hasFold(name, "login"), hasFold(name, "logon"), hasFold(name, "authentication"), hasFold(name, "log in"), hasFold(cat, "authentication"):
		if hasFold(name, "fail") || hasFold(name, "denied") || hasFold(name, "invalid") || hasFold(name, "unsuccessful") {
			out = Failure
		} else if out == "" && (hasFold(name, "success") || hasFold(name, "logged in")) {
			out = Success
		}
		e.did(Login, out)
	case hasFold(name, "logout"), hasFold(name, "logged out"):
		e.Action = Logout
	case hasFold(name, "malware"), hasFold(name, "virus"), hasFold(name, "threat"), hasFold(name, "attack"), hasFold(name, "intrusion"), hasFold(name, "exploit"), hasFold(name, "ransom"), hasFold(cat, "threat"), hasFold(cat, "malware"), hasFold(cat, "ips"), len(e.Threat) > 0:
		e.did(Alert, out)
	case hasFold(name, "changed"), hasFold(name, "modified"), hasFold(name, "configuration"):
		e.did(Change, out)
		e.Name = name
	case len(e.Path) > 0:
		e.did(Request, out)
	case e.Source.IsValid() && e.Dest.IsValid():
		e.did(Connect, out)
	default:
		e.did(Other, out)
	}
}

// cefAlert is cefCommon for products that only speak of threats.
func (r *Reader) cefAlert(product string, name, severity, id []byte) bool {
	e := &r.ev
	r.cefCommon(product, name, severity)
	if e.Action == Connect || e.Action == Other || e.Action == Request {
		out := e.Outcome
		e.did(Alert, out)
	}
	if e.Action == Alert {
		if t := r.getAny("BitdefenderGZMalwareName", "VirusName", "threatName", "Threat Name", "malwareName", "cs1"); len(t) > 0 {
			e.Threat = t
		}
		set(&e.Threat, name)
		e.Level = levelOf10(severity)
		set(&e.Name, r.getAny("filePath", "fname", "fileName", "File_Path", "BitdefenderGZCompanyId"))
	}
	return true
}

// cefFortinet gives the keys of FortiOS their own names back: ad.… and the
// FTNTFGT prefix, and the common ones.
func (r *Reader) cefFortinet(name []byte) bool {
	for i := range r.fields {
		f := &r.fields[i]
		own := f.Name
		switch own {
		case "src":
			own = "srcip"
		case "spt":
			own = "srcport"
		case "dst":
			own = "dstip"
		case "dpt":
			own = "dstport"
		case "act", "FTNTFGTaction":
			own = "action"
		case "duser", "suser":
			own = "user"
		case "sourceTranslatedAddress":
			own = "transip"
		case "sourceTranslatedPort":
			own = "transport"
		case "dvchost":
			own = "devname"
		case "deviceExternalId":
			own = "devid"
		case "request":
			own = "url"
		case "dhost":
			own = "hostname"
		default:
			for _, p := range [...]string{"FTNTFGT", "ad."} {
				if len(own) > len(p) && own[:len(p)] == p {
					own = own[len(p):]
				}
			}
		}
		f.Name, r.roles[i] = own, roleOf(own)
	}
	if kind, sub, ok := cut(name, ":"); ok { // traffic:forward close
		if !r.has("type") {
			r.field([]byte("type"), kind)
		}
		w, _ := word(sub)
		if !r.has("subtype") {
			r.field([]byte("subtype"), w)
		}
	}
	if t := r.ev.Time; t.IsZero() {
		r.cefTimes()
	}
	return r.fortigate()
}
