package logline

import (
	"bytes"
	"strings"
)

// zeekHead reads the lines in front of a Zeek table.
func (r *Reader) zeekHead(b []byte) {
	h := &r.heads
	r.ev.Product = "zeek"
	if s, ok := after(b, "#separator "); ok {
		h.sep = '\t'
		if x, ok := after(s, "\\x"); ok {
			if v, n := hex4(append([]byte("00"), x...)); n == 4 {
				h.sep = byte(v)
			}
		}
		h.product, h.unset, h.empty, h.set, h.path = "zeek", "-", "(empty)", ",", ""
		return
	}
	sep := string(rune(max(h.sep, 1)))
	if h.sep == 0 {
		h.sep, sep = '\t', "\t"
	}
	key, rest, ok := cut(b, sep)
	if !ok {
		return
	}
	rest = rest[:min(len(rest), 8192)]
	switch string(key) {
	case "#set_separator":
		h.set = string(rest[:min(len(rest), 8)])
	case "#empty_field":
		h.empty = string(rest[:min(len(rest), 32)])
	case "#unset_field":
		h.unset = string(rest[:min(len(rest), 32)])
	case "#path":
		h.path = string(rest[:min(len(rest), 64)])
	case "#fields":
		h.product = "zeek"
		h.columns = h.columns[:0]
		for len(rest) > 0 && len(h.columns) < maxColumns {
			var c []byte
			c, rest, _ = cut(rest, sep)
			h.columns = append(h.columns, string(c[:min(len(c), maxName)]))
		}
	case "#types":
		h.types = h.types[:0]
		for len(rest) > 0 && len(h.types) < maxColumns {
			var c []byte
			c, rest, _ = cut(rest, sep)
			h.types = append(h.types, string(c[:min(len(c), 64)]))
		}
	}
}

// zeekRow reads a row of the table that the last head described; the fields
// come out as the JSON of the same record gives them.
func (r *Reader) zeekRow(b []byte) bool {
	h := &r.heads
	c := r.split2(b, h.sep)
	if len(c) != len(h.columns) {
		return false
	}
	for i, v := range c {
		if string(v) == h.unset {
			continue
		}
		if string(v) == h.empty {
			v = nil
		}
		kind := ""
		if i < len(h.types) {
			kind = h.types[i]
		}
		name := h.columns[i]
		switch {
		case kind == "bool":
			if string(v) == "T" {
				v = trueBytes
			} else {
				v = falseBytes
			}
		case kind == "interval" || kind == "double" || kind == "time":
			for len(v) > 2 && v[len(v)-1] == '0' && v[len(v)-2] != '.' && bytes.IndexByte(v, '.') > 0 {
				v = v[:len(v)-1]
			}
		case len(kind) > 4 && (kind[:4] == "set[" || kind[:4] == "vect") && len(h.set) > 0 && len(v) > 0:
			for len(v) > 0 && len(r.fields) < maxFields {
				var x []byte
				x, v, _ = cut(v, h.set)
				for has(x, ".") && ends(x, "0") && !ends(x, ".0") && (strings.HasSuffix(kind, "interval]") || strings.HasSuffix(kind, "double]")) {
					x = x[:len(x)-1]
				}
				r.zeekField(name, r.hexEscapes(x))
			}
			continue
		case kind[:min(len(kind), 3)] == "set" || kind[:min(len(kind), 3)] == "vec":
			continue // an empty list has no value
		}
		r.zeekField(name, r.hexEscapes(v))
	}
	return r.zeek()
}

var trueBytes, falseBytes = []byte("true"), []byte("false")

func (r *Reader) zeekField(name string, v []byte) {
	if len(r.fields) < maxFields {
		r.fields = append(r.fields, Field{name, v})
		r.roles = append(r.roles, r.names.role(name))
	}
}

// split2 cuts at every separator; Zeek quotes nothing.
func (r *Reader) split2(b []byte, sep byte) [][]byte {
	r.cells = r.cells[:0]
	for len(r.cells) < maxColumns {
		i := bytes.IndexByte(b, sep)
		if i < 0 {
			break
		}
		r.cells = append(r.cells, b[:i])
		b = b[i+1:]
	}
	r.cells = append(r.cells, b)
	return r.cells
}

// hexEscapes decodes \x09 and \\.
func (r *Reader) hexEscapes(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	from := len(r.buf)
	for len(b) > 0 {
		if b[0] == '\\' && len(b) > 3 && b[1] == 'x' {
			if v, n := hex4([]byte{'0', '0', b[2], b[3]}); n == 4 {
				r.buf = append(r.buf, byte(v))
				b = b[4:]
				continue
			}
		}
		if b[0] == '\\' && len(b) > 1 && b[1] == '\\' {
			b = b[1:]
		}
		r.buf = append(r.buf, b[0])
		b = b[1:]
	}
	return r.buf[from:]
}

// zeek reads a record whose fields are known by now.
func (r *Reader) zeek() bool {
	e := &r.ev
	e.Product, e.Action = "zeek", Other
	if p := r.get("_path"); len(p) > 0 {
		e.Channel = p
	} else if r.heads.path != "" {
		e.Channel = r.hold(r.heads.path)
	}
	r.whenField(r.get("ts"))
	r.assign()
	r.level = nil
	switch {
	case r.has("qtype_name") || string(e.Channel) == "dns" || r.has("rcode_name"):
		e.did(Query, Success)
		e.Name = r.get("query")
		if c := r.get("rcode_name"); len(c) > 0 && string(c) != "NOERROR" {
			e.Outcome = Failure
		}
	case r.has("auth_attempts") || string(e.Channel) == "ssh":
		e.did(Connect, "")
		switch string(r.get("auth_success")) {
		case "true":
			e.did(Login, Success)
		case "false":
			e.did(Login, Failure)
		}
		e.Agent = r.get("client")
	case r.has("mailfrom") || r.has("rcptto") || string(e.Channel) == "smtp":
		e.did(Mail, Success)
		e.Name = r.getAny("mailfrom", "from")
		e.Path = nil // the way that the mail took
		e.Agent = r.get("user_agent")
		if l := r.get("last_reply"); len(l) > 0 && l[0] == '5' {
			e.Outcome = Denied
		}
	default:
		r.zeekMore()
	}
	return true
}

func (r *Reader) zeekMore() {
	e := &r.ev
	switch {
	case r.has("note") || string(e.Channel) == "notice":
		e.did(Alert, "")
		e.Threat, e.Name = r.get("note"), r.get("msg")
		if !e.Source.IsValid() {
			e.from(r.get("src"))
		}
	case r.has("method") && r.has("uri") || string(e.Channel) == "http":
		e.Action = Request
		e.Method, e.Path, e.Host = r.get("method"), r.get("uri"), r.get("host")
		e.Device = nil
		e.Referer, e.Agent = r.get("referrer"), r.get("user_agent")
		e.Status = count(r.get("status_code"))
		e.answered()
	case r.has("conn_state"):
		e.did(Connect, Success)
		switch string(r.get("conn_state")) {
		case "REJ":
			e.Outcome = Denied
		case "S0", "RSTOS0", "RSTRH", "SH", "SHR":
			e.Outcome = Failure
		}
	case r.has("server_name") || r.has("cipher"):
		e.did(Connect, Success)
		e.Host = r.get("server_name")
	}
}
