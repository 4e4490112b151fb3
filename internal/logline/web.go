package logline

import (
	"bytes"
	"time"
)

// web reads the common and the combined format of Apache and nginx, with or
// without the port that our own advice adds behind the address ("IP:PORT"), or
// a virtual host before it:
// IP - USER [10/Oct/2026:13:55:36 +0200] "GET /x HTTP/1.1" 404 123 "ref" "agent"
func web(line []byte, e *Event) bool {
	open := bytes.IndexByte(line[:min(len(line), 300)], '[')
	if open < 6 {
		return false
	}
	f := bytes.Fields(line[:open])
	if len(f) < 3 {
		return false
	}
	at := len(f) - 3
	if !client(f[at], e) {
		if at == 0 || !client(f[at-1], e) {
			return false
		}
	}
	end := bytes.IndexByte(line[open:], ']')
	if end < 0 {
		return false
	}
	t, err := time.Parse("02/Jan/2006:15:04:05 -0700", string(line[open+1:open+end]))
	if err != nil {
		return false
	}
	e.Time, e.Zone, e.Product, e.Action = t.UTC(), "line", "web", "request"
	if u := string(f[len(f)-1]); u != "-" {
		e.User = u
	}
	request(line[open+end+1:], e)
	return true
}

func client(b []byte, e *Event) bool {
	if a, ok := ip(b); ok {
		e.Source = a
		return true
	}
	i := bytes.LastIndexByte(b, ':')
	if i < 0 {
		return false
	}
	a, ok := ip(bytes.Trim(b[:i], "[]"))
	if ok {
		e.Source, e.SrcPort = a, port(b[i+1:])
	}
	return ok
}

// request reads ` "GET /x HTTP/1.1" 404 123 "ref" "agent" [port]`. A quote inside
// a quoted part is escaped by both servers.
func request(b []byte, e *Event) {
	req, b := quoted(b)
	m, rest, _ := bytes.Cut(req, []byte(" "))
	path := rest
	if i := bytes.LastIndex(rest, []byte(" HTTP/")); i >= 0 {
		path = rest[:i]
	}
	e.Method, e.Path = string(m), string(path)
	f := bytes.Fields(b[:min(len(b), 40)])
	if len(f) > 0 {
		e.Status, _ = number(f[0])
	}
	_, b = quoted(b)
	agent, b := quoted(b)
	e.Agent = string(agent)
	// Our advice appends the port after the agent.
	if f := bytes.Fields(b); len(f) > 0 && e.SrcPort == 0 {
		e.SrcPort = port(f[0])
	}
	switch {
	case e.Status == 401 || e.Status == 403 || e.Status == 404 || e.Status == 400:
		e.Outcome = Attempt
	case e.Status >= 200 && e.Status < 300:
		e.Outcome = Success
	}
}

// quoted gives the next "..." part and what follows it.
func quoted(b []byte) (in, rest []byte) {
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return nil, nil
	}
	b = b[i+1:]
	for j := 0; j < len(b); j++ {
		switch b[j] {
		case '\\':
			j++
		case '"':
			return b[:j], b[j+1:]
		}
	}
	return b, nil
}
