package logline

import "bytes"

var wordpressForms = compile(
	form{text: "Authentication failure for {user} from {ip}", action: Login, outcome: Failure},
	form{text: "Authentication attempt for unknown user {user} from {ip}", action: InvalidUser, outcome: Failure},
	form{text: "REST authentication failure for {user} from {ip}", action: Login, outcome: Failure},
	form{text: "REST authentication attempt for unknown user {user} from {ip}", action: InvalidUser, outcome: Failure},
	form{text: "XML-RPC authentication failure for {user} from {ip}", action: Login, outcome: Failure},
	form{text: "XML-RPC authentication attempt for unknown user {user} from {ip}", action: InvalidUser, outcome: Failure},
	form{text: "XML-RPC authentication failure from {ip}", action: Login, outcome: Failure},
	form{text: "XML-RPC multicall authentication failure from {ip}", action: Login, outcome: Failure},
	form{text: "Accepted password for {user} from {ip}", action: Login, outcome: Success},
	form{text: "REST authentication attempt for {user} from {ip}", action: Login},
	form{text: "Blocked authentication attempt for {user} from {ip}", action: Login, outcome: Denied},
	form{text: "Blocked user enumeration attempt from {ip}", action: Probe},
	form{text: "Blocked username authentication attempt for {user} from {ip}", action: Login, outcome: Denied},
	form{text: "Pingback error {any} generated from {ip}", action: Request, outcome: Failure},
	form{text: "Pingback requested from {ip}", action: Request, outcome: Success},
	form{text: "Spam comment {any} from {ip}", action: Request, outcome: Denied},
	form{text: "Comment {any} from {ip}", action: Request},
)

// wordpress reads what its plug-in for fail2ban writes to syslog; the program
// carries the site in brackets.
func (r *Reader) wordpress(msg []byte) bool {
	r.ev.Product, r.ev.Action = "wordpress", Other
	wordpressForms.read(msg, &r.ev)
	return true
}

// drupal reads the syslog module: site|time|type|address|location|referer|uid|link|text.
// The text comes last: pipes in it are its own.
func (r *Reader) drupal(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action = "drupal", Other
	var c [8][]byte
	rest := msg
	for i := range c {
		v, more, ok := cut(rest, "|")
		if !ok {
			return true
		}
		c[i], rest = v, more
	}
	r.epoch(c[1])
	e.Host, e.Channel, e.Path, e.Referer = c[0], c[2], c[4], c[5]
	e.from(c[3])
	drupalForms.read(rest, e)
	if e.Action == Other && string(c[2]) == "page not found" {
		e.did(Request, Failure)
	} else if e.Action == Other && string(c[2]) == "access denied" {
		e.did(Request, Denied)
	}
	return true
}

var drupalForms = compile(
	form{text: "Login attempt failed for {user}.$", action: Login, outcome: Failure},
	form{text: "Login attempt failed from {ip}", action: Login, outcome: Failure},
	form{text: "Session opened for {user}.$", action: Login, outcome: Success},
	form{text: "Session closed for {user}.$", action: Logout},
	form{text: "Flood control blocked login attempt for {any}", action: Lockout, outcome: Failure},
	form{text: "New user: {name} ", action: Change, outcome: Success},
	form{text: "Deleted user: {name} ", action: Change, outcome: Success},
)

// joomla reads error.php: "TIME\tINFO 192.0.2.7\tjoomlafailure\ttext". The address
// stands before the text.
func (r *Reader) joomla(rest []byte) bool {
	e := &r.ev
	f := rest
	w, f := word(f)
	switch string(w) {
	case "INFO", "WARNING", "ERROR", "NOTICE":
	default:
		return false
	}
	who, f := word(trim(f))
	category, said := word(trim(f))
	if _, ok := ip(who); !ok && string(who) != "-" {
		return false
	}
	if len(category) < 2 || ends(category, ":") {
		return false
	}
	e.Product, e.Action, e.Channel = "joomla", Other, category
	e.from(who)
	said = trim(said)
	if fold(category, "joomlafailure") || hasFold(said, "password do not match") || hasFold(said, "login failed") || hasFold(said, "password non corrispondono") {
		e.did(Login, Failure)
		if hasFold(said, "does not exist") || hasFold(said, "non esiste") {
			e.Action = InvalidUser
		}
		if u := sub(said, "user: "); u != nil {
			e.person(u)
		}
	}
	return true
}

var pmaForms = compile(
	form{text: "user denied: {user} (mysql-denied) from {ip}", action: Login, outcome: Failure},
	form{text: "user denied: {user} ({any}) from {ip}", action: Login, outcome: Denied},
	form{text: "user authenticated: {user} from {ip}", action: Login, outcome: Success},
)

func (r *Reader) phpmyadmin(msg []byte) bool {
	r.ev.Product, r.ev.Action = "phpmyadmin", Other
	pmaForms.read(msg, &r.ev)
	return true
}

// cmsLog knows applications by the channel that their logger puts in front.
func (r *Reader) cmsLog(channel, said []byte) bool {
	if starts(channel, "wordpress") {
		return wordpressForms.read(said, &r.ev) && r.name("wordpress")
	}
	return false
}

func (r *Reader) name(product string) bool {
	r.ev.Product = product
	return true
}

// cms reads the messages of the same applications when nothing but the text
// tells them.
func (r *Reader) cms(msg []byte) bool {
	if starts(msg, "user denied: ") || starts(msg, "user authenticated: ") {
		return r.phpmyadmin(msg)
	}
	if i := bytes.IndexByte(msg, '|'); i > 8 && starts(msg, "http") {
		return r.drupal(msg)
	}
	return false
}
