package logline

import "bytes"

// caddy reads the access log. The peer of the connection counts; client_ip is
// what trusted proxies made of it and stays a field.
func (r *Reader) caddy() bool {
	e := &r.ev
	e.Product = "caddy"
	r.whenField(r.get("ts"))
	e.from(r.get("request.remote_ip"))
	if !e.Source.IsValid() {
		e.from(r.get("request.remote_addr"))
	}
	e.SrcPort = port(r.get("request.remote_port"))
	e.Method, e.Host, e.Path = r.get("request.method"), r.get("request.host"), r.get("request.uri")
	e.Agent, e.Referer = r.get("request.headers.User-Agent"), r.get("request.headers.Referer")
	e.person(r.get("user_id"))
	e.Status = count(r.get("status"))
	e.Action = Request
	e.answered()
	if v := r.get("request.headers.X-Forwarded-For"); v != nil {
		r.add("x_forwarded_for", v)
	}
	return true
}

func (r *Reader) traefik() bool {
	e := &r.ev
	e.Product = "traefik"
	for _, k := range [...]string{"StartUTC", "time", "StartLocal"} {
		if v := r.get(k); len(v) > 0 && r.whenField(v) {
			break
		}
	}
	if !e.from(r.get("ClientAddr")) {
		e.from(r.get("ClientHost"))
	}
	e.Method, e.Path, e.Host = r.get("RequestMethod"), r.get("RequestPath"), r.getAny("RequestHost", "RequestAddr")
	e.person(r.get("ClientUsername"))
	e.Agent, e.Referer = r.getAny("request_User-Agent", "request_User-agent"), r.get("request_Referer")
	e.Status = count(r.getAny("DownstreamStatus", "OriginStatus"))
	e.Action = Request
	e.answered()
	if v := r.get("request_X-Forwarded-For"); v != nil {
		r.add("x_forwarded_for", v)
	}
	return true
}

// nextcloud reads nextcloud.log: remoteAddr is the client that Nextcloud itself
// made out behind trusted proxies.
func (r *Reader) nextcloud() bool {
	e := &r.ev
	e.Product, e.Action = "nextcloud", Other
	r.whenField(r.get("time"))
	e.from(r.get("remoteAddr"))
	e.person(r.get("user"))
	e.Method, e.Path, e.Agent = r.get("method"), r.get("url"), r.get("userAgent")
	e.Channel = r.get("app")
	msg := r.get("message")
	switch {
	case starts(msg, "Login failed: "):
		e.did(Login, Failure)
		u := msg[14:]
		if i := lastIndex(u, " (Remote IP"); i >= 0 {
			u = u[:i]
		}
		u = bytes.Trim(u, "'\"")
		e.person(u)
	case starts(msg, "Bruteforce attempt from "):
		e.did(Lockout, Failure)
	case starts(msg, "Login successful: "):
		e.did(Login, Success)
		e.person(bytes.Trim(msg[18:], "'\""))
	case starts(msg, "Logout occurred"):
		e.Action = Logout
	case starts(msg, "Trusted domain error"):
		e.Action = Probe
	case starts(msg, "Two-factor challenge failed"):
		e.did(Login, Failure)
	case starts(msg, "User created"), starts(msg, "User deleted"), starts(msg, "User enabled"), starts(msg, "User disabled"):
		e.did(Change, Success)
		e.Name = between(msg, ": \"", "\"")
	}
	return true
}
