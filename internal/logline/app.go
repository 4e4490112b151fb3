package logline

import (
	"bytes"
	"net/netip"
)

// Words that say that something went wrong, and words that say that somebody
// wanted to get in. A message with both, and with an address where the program
// says whose it is, tells of a log-in that failed; web applications of every
// kind write such lines. All in lower case.
func badWord(w []byte) bool {
	switch len(w) {
	case 3:
		return fold(w, "bad")
	case 4:
		return fold(w, "fail")
	case 5:
		return fold(w, "wrong") || fold(w, "error") || fold(w, "errata") || fold(w, "fails")
	case 6:
		return fold(w, "failed") || fold(w, "denied") || fold(w, "errato") || fold(w, "banned") || fold(w, "errata")
	case 7:
		return fold(w, "failure") || fold(w, "invalid") || fold(w, "unknown") || fold(w, "fallito") || fold(w, "refused") || fold(w, "negato")
	case 8:
		return fold(w, "rejected") || fold(w, "mismatch") || fold(w, "failures") || fold(w, "disabled")
	case 9:
		return fold(w, "incorrect") || fold(w, "forbidden")
	case 12:
		return fold(w, "unsuccessful") || fold(w, "unauthorized") || fold(w, "rate-limited") || fold(w, "auth-failure")
	case 10:
		return fold(w, "auth-error")
	}
	return false
}

func loginWord(w []byte) bool {
	switch len(w) {
	case 3:
		return fold(w, "mfa") || fold(w, "otp")
	case 4:
		return fold(w, "auth") || fold(w, "totp")
	case 5:
		return fold(w, "login") || fold(w, "logon") || fold(w, "token")
	case 6:
		return fold(w, "signin") || fold(w, "log-in") || fold(w, "logins") || fold(w, "logged")
	case 7:
		return fold(w, "sign-in") || fold(w, "accesso")
	case 8:
		return fold(w, "password") || fold(w, "username")
	case 10:
		return fold(w, "auth-error") || fold(w, "credential")
	case 11:
		return fold(w, "credentials") || fold(w, "credenziali")
	case 12:
		return fold(w, "authenticate") || fold(w, "auth-failure") || fold(w, "autenticazio")
	case 13:
		return fold(w, "authenticated")
	case 14:
		return fold(w, "authentication") || fold(w, "autenticazione")
	}
	return false
}

func letterByte(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// appWords looks at the words of a message once.
func appWords(b []byte) (bad, login bool) {
	b = b[:min(len(b), 4096)]
	for i := 0; i < len(b); {
		if !letterByte(b[i]) {
			i++
			continue
		}
		j := i
		for j < len(b) && (letterByte(b[j]) || b[j] == '-') {
			j++
		}
		w := b[i:j]
		if w[len(w)-1] == '-' {
			w = w[:len(w)-1]
		}
		if len(w) >= 3 && len(w) <= 14 {
			bad = bad || badWord(w)
			login = login || loginWord(w)
			if bad && login {
				return true, true
			}
		}
		i = j
	}
	return bad, login
}

func appVerdict(b []byte) bool {
	bad, login := appWords(b)
	if bad && login {
		return true
	}
	return login && (hasFold(b, "not found") || hasFold(b, "non riuscit") || hasFold(b, "non valid") || hasFold(b, "could not") || hasFold(b, "couldn't") || hasFold(b, "has been denied") || hasFold(b, "not match") || hasFold(b, "not valid") || hasFold(b, "blocked"))
}

// app reads the message of an application that nobody here knows by name.
func (r *Reader) app(b []byte) bool {
	e := &r.ev
	if appForms.read(b, e) {
		e.Product = "app"
		return true
	}
	bad, login := appWords(b)
	if !login {
		return false
	}
	a, p, ok := whose(b)
	if !ok {
		return false
	}
	if !bad && !appVerdict(b) {
		if hasFold(b, "logged in") || hasFold(b, "success") || hasFold(b, "succeeded") || hasFold(b, "accepted") {
			e.Product, e.Source, e.SrcPort = "app", a, p
			e.did(Login, Success)
			return true
		}
		if hasFold(b, "trying to log") || hasFold(b, "login attempt") {
			e.Product, e.Source, e.SrcPort = "app", a, p
			e.did(Login, "")
			e.person(appUser(b))
			return true
		}
		return false
	}
	e.Product, e.Source, e.SrcPort = "app", a, p
	e.did(Login, Failure)
	if hasFold(b, "rate-limited") || hasFold(b, "*blocked") {
		e.did(Lockout, Failure) // the program has had enough of that address
	}
	if e.User == nil {
		e.person(appUser(b))
	}
	return true
}

// appForms are wordings that the general search would read wrongly, because a
// name typed by a client stands behind the address.
var appForms = compile(
	form{text: "Username or password is incorrect. Try again. IP: {ip}. Username: {user}.", action: Login, outcome: Failure},
	form{text: "Invalid admin token. IP: {ip}", action: Login, outcome: Failure},
	form{text: "Invalid TOTP code! Server time: {any} IP: {ip}", action: Login, outcome: Failure},
	form{text: "Auth-Failure ip {ip} username '{user}'", action: Login, outcome: Failure},
	form{text: "Auth-Unauthorized ip {ip}", action: Login, outcome: Denied},
	form{text: "Auth-Success ip {ip} username '{user}'", action: Login, outcome: Success},
	form{text: "Authentication attempt from [{ip}, {any}] for user \"{user}\" failed", action: Login, outcome: Failure},
	form{text: "Authentication attempt from {ip} for user \"{user}\" failed", action: Login, outcome: Failure},
	form{text: "Authentication attempt from [{ip}] for user \"{user}\" failed", action: Login, outcome: Failure},
	form{text: "Failed authentication attempt for {user} from {from}", action: Login, outcome: Failure},
	form{text: "Login failed for db:{name-} login:{user} from {ip}", action: Login, outcome: Failure},
	form{text: "Login successful for db:{name-} login:{user} from {ip}", action: Login, outcome: Success},
	form{text: "Authentication request for \"{user}\" has been denied (IP: \"{ip}\")", action: Login, outcome: Failure},
	form{text: "Authentication request for \"{user}\" has succeeded", action: Login, outcome: Success},
	form{text: "Unsuccessful login attempt from {ip} (X-Forwarded-For: ", action: Login, outcome: Failure},
	form{text: "Unsuccessful login attempt from {ip}", action: Login, outcome: Failure},
	form{text: "WebAPI login failure. Reason: {any}, attempt count: {repeat}, IP: {ip}, username: {user}", action: Login, outcome: Failure},
	form{text: "WebAPI login success. IP: {ip}", action: Login, outcome: Success},
	form{text: "AUTH-ERROR: {ip} - ", action: Login, outcome: Failure},
	form{text: "query from {any} {from} attempted to login with account \"{user}\" and failed", action: Login, outcome: Failure},
	form{text: "User '{user}' failed to authenticate", action: Login, outcome: Failure},
)

// labels in front of an address, in lower case; "from" and "by" reach to the
// right as far as they can, because a name stands in front of them.
var addrLabels = [...]string{"from", "by", "ip", "address", "client", "host", "remote", "rhost", "addr", "da", "ip-address", "clientip", "peer"}

// whose finds the address that a message says somebody came from. Of several,
// the last one behind "from" counts, else the first one with another label,
// else the only address there is; text in quotes is somebody's own.
func whose(b []byte) (a netip.Addr, p int, ok bool) {
	b = b[:min(len(b), 2048)]
	var lone netip.Addr
	var lonePort, alone int
	fromSeen, labelled := false, false
	quote := byte(0)
	for i := 0; i < len(b); {
		c := b[i]
		if quote != 0 {
			if c == quote {
				quote = 0
			}
			i++
			continue
		}
		boundary := i == 0 || !keyByte[b[i-1]] || b[i-1] == '=' || b[i-1] == ':'
		if boundary && (c >= '0' && c <= '9' || c == '[' || c == ':' || c|0x20 >= 'a' && c|0x20 <= 'f') {
			n := addrPortLen(b[i:min(len(b), i+64)])
			if n > 2 && addrEnds(b, i+n) {
				x, xp, _ := addrPort(b[i : i+n])
				label := labelBefore(b[:i])
				switch {
				case label == "from" || label == "by" || label == "da":
					a, p, fromSeen, labelled = x, xp, true, true
				case label != "" && !fromSeen && !labelled:
					a, p, labelled = x, xp, true
				case !labelled:
					if alone++; alone == 1 {
						lone, lonePort = x, xp
					} else if x != lone {
						alone = 2
					}
				}
				i += n
				continue
			}
		}
		if (c == '"' || c == '\'' && boundary || c == '`') && i+1 < len(b) {
			// An address alone in quotes counts; other text in quotes does not.
			if n := addrPortLen(b[i+1 : min(len(b), i+66)]); n <= 2 || i+1+n >= len(b) || b[i+1+n] != c && b[i+1+n] != ',' && b[i+1+n] != '.' {
				if bytes.IndexByte(b[i+1:], c) >= 0 {
					quote = c
				}
			}
		}
		i++
	}
	switch {
	case labelled:
		return a, p, true
	case alone == 1:
		return lone, lonePort, true
	}
	return a, 0, false
}

// addrEnds says whether an address may end there.
func addrEnds(b []byte, i int) bool {
	if i >= len(b) {
		return true
	}
	c := b[i]
	return !letterByte(c) && (c < '0' || c > '9') && c != '-' && c != '_'
}

// labelBefore gives the label that stands right in front of an address.
func labelBefore(b []byte) string {
	end := len(b)
	for end > 0 && (b[end-1] == ' ' || b[end-1] == ':' || b[end-1] == '=' || b[end-1] == '"' || b[end-1] == '\'' || b[end-1] == '`' || b[end-1] == '(' || b[end-1] == '[' || b[end-1] == '\\') {
		end--
	}
	start := end
	for start > 0 && (letterByte(b[start-1]) || b[start-1] == '-') {
		start--
	}
	w := b[start:end]
	for _, l := range addrLabels {
		if fold(w, l) {
			if end == len(b) {
				return ""
			}
			return l
		}
	}
	return ""
}

// appUser finds a name behind "user", "username", "for".
func appUser(b []byte) []byte {
	for _, k := range [...]string{"user \"", "username \"", "l'utente ", "utente ", "user '", "username '", "user `", "username: ", "username=", "user: ", "user=", "login:", "for user ", "account \"", "by user '", "name: ", "for "} {
		i := indexFold(b, k)
		if i < 0 {
			continue
		}
		v := b[i+len(k):]
		end := byte(' ')
		if c := k[len(k)-1]; c == '"' || c == '\'' || c == '`' {
			end = c
		}
		if j := bytes.IndexByte(v, end); j >= 0 {
			v = v[:j]
		} else if end != ' ' {
			continue
		}
		v = bytes.TrimRight(unquote(v), ".,;:)")
		if len(v) > 0 {
			return v
		}
	}
	return nil
}

func indexFold(b []byte, s string) int {
	lo := s[0]
	for i := 0; i+len(s) <= len(b); i++ {
		if c := b[i] | 0x20; c == lo && fold(b[i:i+len(s)], s) {
			return i
		}
	}
	return -1
}
