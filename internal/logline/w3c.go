package logline

import "bytes"

// head reads a line that begins with #: what it says of the columns counts for
// the lines behind it.
func (r *Reader) head(b []byte) bool {
	h := &r.heads
	e := &r.ev
	e.Product, e.Action = "w3c", Other
	switch {
	case starts(b, "#Fields: "):
		sep := byte(' ')
		if bytes.IndexByte(b, ',') > 0 {
			sep = ','
		}
		h.product, h.sep = "w3c", sep
		h.columns = h.columns[:0]
		for _, c := range bytes.FieldsFunc(b[9:], func(c rune) bool { return c == rune(sep) || c == ' ' || c == '\t' }) {
			if len(h.columns) >= maxColumns || len(c) > maxName {
				break
			}
			h.columns = append(h.columns, string(c))
		}
		h.exchange()
	case starts(b, "#Software: "), starts(b, "#Version: "), starts(b, "#Date: "), starts(b, "#Start-Date"), starts(b, "#Log-type: "):
		if starts(b, "#Software: ") {
			h.local = has(b, "Firewall")
		}
		if starts(b, "#Log-type: ") {
			h.path = string(b[11:min(len(b), 64)])
		}
	case starts(b, "#Time Format: "):
		h.local = starts(b, "#Time Format: Local")
	case starts(b, "#separator"), starts(b, "#set_separator"), starts(b, "#empty_field"), starts(b, "#unset_field"), starts(b, "#path"), starts(b, "#open"), starts(b, "#close"), starts(b, "#fields"), starts(b, "#types"):
		r.zeekHead(b)
	default:
		e.Product = ""
		return false
	}
	return true
}

// exchange tells from the columns which of Exchange's logs this is.
func (h *heads) exchange() {
	for _, c := range h.columns {
		switch c {
		case "connector-id":
			h.product = "exchange"
		case "event-id", "source-context", "internal-message-id":
			h.product = "exchange"
		case "sIp":
			h.product = "exchange"
		case "c-ip":
			if h.product == "w3c" {
				h.product = "iis"
			}
		}
	}
}

// iisColumns is what IIS writes when nobody changed it; used until a head is
// seen.
var iisColumns = []string{"date", "time", "s-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username", "c-ip", "cs(User-Agent)", "cs(Referer)", "sc-status", "sc-substatus", "sc-win32-status", "time-taken"}

// extended reads a row of the W3C extended format: the columns of the last
// head, blanks written as plus signs. Times are in UTC by the standard.
func (r *Reader) extended(b []byte) bool {
	h := &r.heads
	columns := h.columns
	if h.product != "iis" && h.product != "w3c" || h.sep != ' ' {
		columns = iisColumns
	}
	c := r.split(b, ' ')
	if len(c) != len(columns) {
		if len(c) != len(iisColumns) {
			return false
		}
		columns = iisColumns
	}
	if !r.w3cFields(columns, c) {
		return false
	}
	r.w3cSaid(columns)
	return true
}

// w3cFields makes fields of the cells and finds the time in them.
func (r *Reader) w3cFields(columns []string, c [][]byte) bool {
	e := &r.ev
	var date, clock []byte
	for i, name := range columns {
		v := c[i]
		if string(v) == "-" {
			continue
		}
		switch name {
		case "date":
			date = v
		case "time":
			clock = v
		case "x-forwarded-for", "X-Forwarded-For":
			name = "x_forwarded_for"
		}
		if len(r.fields) < maxFields {
			r.fields = append(r.fields, Field{name, v})
			ro := r.names.role(name)
			if name == "time" || name == "date" {
				ro = noRole
			}
			r.roles = append(r.roles, ro)
		}
	}
	if len(date) > 0 && len(clock) > 0 {
		r.joinTime(date, clock)
		if !r.heads.local {
			r.shift(0)
			e.Zone = ZoneProduct
		}
	}
	return !e.Time.IsZero()
}

func (r *Reader) w3cSaid(columns []string) {
	e := &r.ev
	e.Product = r.heads.product
	if columns[0] == iisColumns[0] && len(columns) == len(iisColumns) || r.has("cs-uri-stem") {
		e.Product = "iis"
	}
	if e.Product == "" {
		e.Product = "w3c"
	}
	r.assign()
	e.did(Request, "")
	if q := r.get("cs-uri-query"); len(q) > 0 {
		from := len(r.buf)
		r.buf = append(append(append(r.buf, e.Path...), '?'), q...)
		e.Path = r.buf[from:]
	}
	if e.Device == nil {
		e.Device = r.get("s-computername")
	}
	e.answered()
	if e.Method == nil && e.Status == 0 {
		e.did(Connect, "")
		switch a := r.get("action"); { // the firewall of Windows writes this format too
		case string(a) == "DROP":
			e.did(Connect, Denied)
		case string(a) == "ALLOW":
			e.did(Connect, Success)
		case len(a) == 0:
			e.Action = Other
		}
		e.from(r.getAny("src-ip", "c-ip"))
		e.to(r.getAny("dst-ip", "s-ip"))
		e.SrcPort, e.DestPort = port(r.getAny("src-port", "c-port")), port(r.getAny("dst-port", "s-port"))
	}
	if e.SrcPort == 0 {
		e.SrcPort = port(r.get("c-port"))
	}
}
