package logline

// stormshield reads the logs of SNS. Its texts are in the language of the
// machine: only keys and codes are trusted.
func (r *Reader) stormshield() bool {
	e := &r.ev
	e.Product = "stormshield"
	if t := r.getAny("startime", "time"); len(t) > 0 {
		r.whenField(t)
	}
	e.Device = r.get("fw")
	r.assign()
	e.Channel = r.get("logtype")
	act := r.get("action")
	out := Success
	if string(act) == "block" || string(act) == "reset" {
		out = Denied
	}
	switch string(e.Channel) {
	case "filter", "connection", "plugin":
		e.did(Connect, out)
	case "alarm":
		e.did(Alert, "")
		if len(act) > 0 {
			e.Outcome = out
		}
		e.Threat = r.getAny("msg", "alarmid")
		e.ID = count(r.get("alarmid"))
	case "auth", "xvpn", "vpn", "server":
		r.stormshieldAuth()
	case "web":
		e.did(Request, out)
		e.Path = r.get("arg")
		e.Host = r.get("dstname")
	case "smtp", "pop3":
		e.did(Mail, out)
		e.Name = r.get("user")
	default:
		e.did(Other, "")
	}
	return true
}

func (r *Reader) stormshieldAuth() {
	e := &r.ev
	e.did(Login, Success)
	switch v := r.get("error"); {
	case string(v) == "0" || len(v) == 0:
	default:
		e.Outcome = Failure
	}
	switch string(e.Channel) {
	case "server":
		if len(r.get("error")) == 0 || !r.has("src") {
			e.did(Change, Success)
			e.Name = r.get("msg")
		}
	case "vpn":
		e.Action = Connect
	}
	if has(r.get("msg"), "logged out") || hasFold(r.get("msg"), "disconnect") {
		e.Action = Logout
	}
}
