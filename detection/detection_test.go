package detection

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"filo/internal/logline"
	"filo/internal/wire"
)

var start = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func feed(t *testing.T, g *Engine, lines ...string) []wire.Finding {
	t.Helper()
	r := &logline.Reader{Zone: time.UTC, Now: func() time.Time { return start.Add(24 * time.Hour) }}
	var out []wire.Finding
	for _, l := range lines {
		e, _ := r.Read([]byte(l))
		out = append(out, g.Feed(e, []byte(l), "auth.log")...)
	}
	return out
}

func failed(at time.Duration, ip, user string, port int) string {
	return fmt.Sprintf("%s gate sshd[7]: Failed password for %s from %s port %d ssh2", start.Add(at).Format("Jan _2 15:04:05"), user, ip, port)
}

func TestGuessingFromOneSourceBecomesOneFinding(t *testing.T) {
	g := New(nil)
	var lines []string
	for i := range 40 {
		lines = append(lines, failed(time.Duration(i)*time.Second, "203.0.113.9", "root", 4000+i))
	}
	out := feed(t, g, lines...)
	if len(out) == 0 || len(out) > 8 {
		t.Fatalf("40 attempts are told in %d messages", len(out))
	}
	out = append(out, g.Flush()...)
	last := out[len(out)-1]
	if last.Count != 40 || last.SourceIP != "203.0.113.9" || len(last.SourcePorts) != 32 || !last.Report || !last.Closed || last.Outcome != "attempt" {
		t.Errorf("the finding says %+v", last)
	}
	for _, f := range out {
		if f.Key != last.Key {
			t.Error("one attack has two keys")
		}
	}
}

func TestThirtyQuietMinutesEndAFinding(t *testing.T) {
	g := New(nil)
	keys := map[string]bool{}
	for _, at := range []time.Duration{0, time.Second, 2 * time.Second, 45 * time.Minute, 46 * time.Minute, 47 * time.Minute} {
		for _, f := range feed(t, g, failed(at, "203.0.113.9", "root", 1)) {
			keys[f.Key] = true
		}
	}
	if len(keys) != 2 {
		t.Errorf("two attacks with 43 quiet minutes between them have %d keys", len(keys))
	}
}

func TestASuccessAfterFailuresIsAFindingOfItsOwn(t *testing.T) {
	g := New(nil)
	out := feed(t, g, failed(0, "203.0.113.9", "root", 1), failed(time.Second, "203.0.113.9", "root", 2),
		strings.Replace(failed(2*time.Second, "203.0.113.9", "root", 3), "Failed", "Accepted", 1))
	last := out[len(out)-1]
	if last.Rule != "ssh-login-accepted" || last.Severity != "high" || last.Outcome != "success" || !last.Report {
		t.Errorf("found %+v", last)
	}
	quiet := feed(t, New(nil), strings.Replace(failed(0, "192.168.1.7", "luca", 3), "Failed", "Accepted", 1))
	if len(quiet) != 1 || quiet[0].Rule != "ssh-login" || quiet[0].Report {
		t.Errorf("an honest login from inside: %+v", quiet)
	}
}

func TestTheAllowListWinsBeforeAnythingIsCounted(t *testing.T) {
	g := New([]netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")})
	var lines []string
	for i := range 50 {
		lines = append(lines, failed(time.Duration(i)*time.Second, "203.0.113.9", "root", 1))
	}
	if out := append(feed(t, g, lines...), g.Flush()...); len(out) != 0 || g.Allowed != 50 {
		t.Errorf("%d findings, %d allowed", len(out), g.Allowed)
	}
}

func TestCountsGoOnAfterARestart(t *testing.T) {
	g := New(nil)
	feed(t, g, failed(0, "192.168.1.9", "root", 1), failed(1, "192.168.1.9", "root", 2))
	h := New(nil)
	h.Recall(g.Remember())
	out := feed(t, h, failed(time.Second, "192.168.1.9", "root", 3))
	if len(out) != 1 || out[0].Count != 3 {
		t.Errorf("after a restart: %+v", out)
	}
}

func TestMillionsOfSourcesKeepTheStateBounded(t *testing.T) {
	g := New(nil)
	for i := range maxBuckets + 5000 {
		a := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
		g.Feed(logline.Event{Time: start, Product: "sshd", Action: "login", Outcome: logline.Attempt, Source: a, Repeat: 1}, []byte("x"), "l")
	}
	if g.recent.Len() > maxBuckets || g.Evicted != 5000 {
		t.Errorf("%d counts kept, %d given up", g.recent.Len(), g.Evicted)
	}
}

func TestEachRuleFiresOnItsLinesAndNotOnHonestOnes(t *testing.T) {
	web := func(req string, status int) string {
		return fmt.Sprintf(`203.0.113.9 - - [24/Nov/2026:08:00:00 +0000] "%s HTTP/1.1" %d 10 "-" "x"`, req, status)
	}
	for rule, c := range map[string]struct {
		bad, good []string
	}{
		"web-attack":         {[]string{web("GET /../../etc/passwd", 400), web("GET /a?x=%27%20or%20%271%27=%271", 200), web("GET /?q=${jndi:ldap://x}", 200)}, []string{web("GET /anagrafe/certificati?tipo=nascita", 200)}},
		"web-scan":           {slicesOf(web("GET /old/backup.zip", 404), 12), []string{web("GET /favicon.ico", 404)}},
		"web-login-guessing": {slicesOf(web("POST /wp-login.php", 200), 12), []string{web("GET /login", 200)}},
		"sudo-failure":       {[]string{"Nov 24 08:00:00 g sudo: mario : 3 incorrect password attempts ; TTY=pts/0 ; USER=root"}, []string{"Nov 24 08:00:00 g sudo: mario : TTY=pts/0 ; USER=root ; COMMAND=/bin/ls"}},
		"pam-guessing":       {slicesOf("Nov 24 08:00:00 g su: pam_unix(su:auth): authentication failure; rhost=  user=root", 4), []string{"Nov 24 08:00:00 g su: pam_unix(su:session): session opened for user root"}},
	} {
		rules := func(lines []string) string {
			var out []string
			for _, f := range feed(t, New(nil), lines...) {
				out = append(out, f.Rule)
			}
			return strings.Join(out, " ")
		}
		if got := rules(c.bad); !strings.Contains(got, rule) {
			t.Errorf("%s does not fire: %q", rule, got)
		}
		if got := rules(c.good); got != "" {
			t.Errorf("honest lines fire %q", got)
		}
	}
}

func slicesOf(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}
