package logline

import (
	"fmt"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func reader() *Reader { return &Reader{Zone: time.UTC, Now: func() time.Time { return now }} }

func TestEachProductGivesWhoFromWhereWithWhatOutcome(t *testing.T) {
	for line, want := range map[string]string{
		"Nov 24 08:55:46 gate sshd[200]: Failed password for root from 203.0.113.9 port 38926 ssh2":                                                      "sshd login attempt root 203.0.113.9 38926 1",
		"Nov 24 08:55:46 gate sshd[200]: Failed password for invalid user web master from 2001:db8::9 port 7 ssh2":                                       "sshd login attempt web master 2001:db8::9 7 1",
		"2026-11-24T09:55:46.123456+01:00 gate sshd-session[200]: Failed publickey for root from 203.0.113.9 port 38926 ssh2: RSA SHA256:abc":            "sshd login attempt root 203.0.113.9 38926 1",
		"Nov 24 08:55:46 gate sshd[200]: message repeated 5 times: [ Failed password for root from 203.0.113.9 port 38926 ssh2]":                         "sshd login attempt root 203.0.113.9 38926 5",
		"Nov 24 08:55:46 gate sshd[200]: Invalid user oracle from 203.0.113.9":                                                                           "sshd invalid_user attempt oracle 203.0.113.9 0 1",
		"Nov 24 08:55:46 gate sshd[200]: Invalid user oracle from 203.0.113.9 port 4000":                                                                 "sshd invalid_user attempt oracle 203.0.113.9 4000 1",
		"Nov 24 08:55:46 gate sshd[200]: Accepted password for luca from 192.0.2.7 port 49116 ssh2":                                                      "sshd login success luca 192.0.2.7 49116 1",
		"Nov 24 08:55:46 gate sshd[200]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=root": "sshd pam attempt root 203.0.113.9 0 1",
		"Nov 24 08:55:46 gate sshd[200]: Connection closed by authenticating user root 203.0.113.9 port 5555 [preauth]":                                  "sshd close  root 203.0.113.9 5555 1",
		"Nov 24 08:55:46 gate sshd[200]: Received disconnect from 203.0.113.9: 11: Bye Bye [preauth]":                                                    "sshd close   203.0.113.9 0 1",
		"Nov 24 08:55:46 gate sudo:     mario : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/home/mario ; USER=root ; COMMAND=/bin/bash":             "sudo sudo attempt mario invalid IP 0 3",
		"Nov 24 08:55:46 gate su: pam_unix(su:auth): authentication failure; logname=x uid=1000 euid=0 tty=pts/0 ruser=x rhost=  user=root":              "pam pam attempt root invalid IP 0 1",
		`203.0.113.9 - - [24/Nov/2026:09:55:36 +0100] "GET /wp-login.php HTTP/1.1" 404 153 "-" "Mozilla/5.0 \"x\""`:                                      "web request attempt  203.0.113.9 0 1",
		`www.comune.example:443 203.0.113.9:51000 - luca [24/Nov/2026:09:55:36 +0100] "POST /a HTTP/2.0" 200 153 "-" "curl"`:                             "web request success luca 203.0.113.9 51000 1",
		"Nov 24 08:55:46 gate cron[7]: (root) CMD (true)":                                                                                                "syslog    invalid IP 0 1",
	} {
		e, ok := reader().Read([]byte(line))
		got := fmt.Sprintf("%s %s %s %s %v %d %d", e.Product, e.Action, e.Outcome, e.User, e.Source, e.SrcPort, e.Repeat)
		if !ok || got != want {
			t.Errorf("%s\n got %q (%v)\nwant %q", line, got, ok, want)
		}
		if d := now.Sub(e.Time); d < 0 || d > 10*time.Minute {
			t.Errorf("%s: the time is read as %s", line, e.Time)
		}
	}
}

func TestForgedTextInAUserNameIsNotAnAddress(t *testing.T) {
	for _, line := range []string{
		"Nov 24 08:55:46 gate sshd[200]: Failed password for invalid user x from 192.0.2.1 port 22 ssh2 from 203.0.113.9 port 38926 ssh2",
		"Nov 24 08:55:46 gate sshd[200]: Invalid user x from 192.0.2.1 from 203.0.113.9 port 4000",
		"Nov 24 08:55:46 gate sshd[200]: Connection closed by invalid user 192.0.2.1 port 9 203.0.113.9 port 5555 [preauth]",
	} {
		e, _ := reader().Read([]byte(line))
		if e.Source.String() != "203.0.113.9" {
			t.Errorf("%s\nblames %v", line, e.Source)
		}
	}
	line := `203.0.113.9 - - [24/Nov/2026:09:55:36 +0100] "GET /?x=\" 200 192.0.2.1 HTTP/1.1" 404 153 "-" "x"`
	if e, _ := reader().Read([]byte(line)); e.Source.String() != "203.0.113.9" || e.Status != 404 {
		t.Errorf("a forged request reads as %v %d", e.Source, e.Status)
	}
}

func TestALineOfLastYearIsNotOfThisYear(t *testing.T) {
	r := &Reader{Zone: time.UTC, Now: func() time.Time { return time.Date(2027, 1, 1, 0, 5, 0, 0, time.UTC) }}
	e, _ := r.Read([]byte("Dec 31 23:59:59 gate sshd[1]: Invalid user a from 203.0.113.9"))
	if e.Time.Year() != 2026 {
		t.Errorf("New Year's night: %s", e.Time)
	}
	e, _ = r.Read([]byte("Jan  1 00:04:59 gate sshd[1]: Invalid user a from 203.0.113.9"))
	if e.Time.Year() != 2027 {
		t.Errorf("New Year's morning: %s", e.Time)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("Nov 24 08:55:46 gate sshd[200]: Failed password for root from 203.0.113.9 port 38926 ssh2"))
	f.Add([]byte(`203.0.113.9 - - [24/Nov/2026:09:55:36 +0100] "GET / HTTP/1.1" 404 153 "-" "x"`))
	f.Add([]byte("<13>Nov 24 08:55:46 g sudo: a : incorrect password attempt"))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, _ := reader().Read(line)
		if e.Repeat < 1 || e.Repeat > 1_000_000_000 || e.SrcPort < 0 || e.SrcPort > 65535 {
			t.Errorf("%q: %+v", line, e)
		}
	})
}

func BenchmarkSSHD(b *testing.B) {
	line := []byte("Nov 24 08:55:46 gate sshd[24200]: Failed password for invalid user webmaster from 203.0.113.186 port 38926 ssh2")
	r := reader()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		r.Read(line)
	}
}
