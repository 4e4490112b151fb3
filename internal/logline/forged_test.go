package logline

import (
	"strings"
	"testing"
)

// In each of these lines somebody typed 192.0.2.1 where people may type; the
// one who did it stands at 203.0.113.9.
func TestForgedTextInAUserNameIsNotAnAddress(t *testing.T) {
	for _, line := range []string{
		"Nov 24 08:55:46 gate sshd[200]: Failed password for invalid user x from 192.0.2.1 port 22 ssh2 from 203.0.113.9 port 38926 ssh2",
		"Nov 24 08:55:46 gate sshd[200]: Invalid user x from 192.0.2.1 from 203.0.113.9 port 4000",
		"Nov 24 08:55:46 gate sshd[200]: Connection closed by invalid user 192.0.2.1 port 9 203.0.113.9 port 5555 [preauth]",
		"Nov 24 08:55:46 gate sshd[200]: error: maximum authentication attempts exceeded for invalid user x from 192.0.2.1 port 1 from 203.0.113.9 port 5555 ssh2 [preauth]",
		"Nov 24 08:55:46 gate sshd[200]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=x rhost=192.0.2.1",
		"Nov 24 08:55:46 ftp vsftpd: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=x user=192.0.2.1 rhost=203.0.113.9",
		"Nov 24 08:55:46 ap dropbear[311]: Bad password attempt for 'x' from 192.0.2.1:1' from 203.0.113.9:51900",
		`Tue Nov 24 08:55:46 2026 [pid 27244] [x] FAIL LOGIN: Client "192.0.2.1] FAIL LOGIN: Client "203.0.113.9"`,
		"Nov 24 08:55:46 ftp proftpd[811]: ftp.example (203.0.113.9[203.0.113.9]) - USER x: no such user found from x [192.0.2.1] to 192.0.2.2:21: no such user found from 203.0.113.9 [203.0.113.9] to 192.0.2.21:21",
		"Nov 24 08:55:46 ftp pure-ftpd: (x@192.0.2.1@203.0.113.9) [WARNING] Authentication failed for user [x@192.0.2.1]",
	} {
		blames(t, line)
	}
}

// Where two addresses stand that may both be typed, none is blamed.
func TestWhereNobodyCanTellWhichAddressIsTypedNoneIsBlamed(t *testing.T) {
	const pam = "Nov 24 08:55:46 ftp vsftpd: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp "
	for _, rest := range []string{
		"ruser=x rhost=192.0.2.1 rhost=203.0.113.9",
		"ruser= rhost=192.0.2.1 rhost=203.0.113.9",
		"ruser=x rhost=192.0.2.1  user=root rhost=203.0.113.9  user=root",
		"ruser=x tty=ssh ruser= rhost=192.0.2.1 rhost=203.0.113.9",
	} {
		e, ok := reader().Read([]byte(pam + rest))
		if !ok || e.Action != Login || e.Outcome != Failure || e.Source.IsValid() {
			t.Errorf("%s\nblames %v (%s %s)", rest, e.Source, e.Action, e.Outcome)
		}
	}
}

func TestForgedTextInMailIsNotAnAddress(t *testing.T) {
	for _, line := range []string{
		"Nov 24 08:55:46 posta dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<x>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.25, TLS, session=<a>",
		"Nov 24 08:55:46 posta dovecot: auth-worker(911): sql(x,192.0.2.1,203.0.113.9,<s1>): unknown user",
		"Nov 24 08:55:46 posta postfix/smtpd[811]: warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: x, sasl_username=unknown[192.0.2.1]: SASL LOGIN authentication failed",
		"Nov 24 08:55:46 posta postfix/smtpd[811]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x from y[192.0.2.1]: z@example.com>: Relay access denied; from=<x> to=<y> proto=ESMTP helo=<[192.0.2.1]>",
		"2026-11-24 08:55:46 login authenticator failed for (a [192.0.2.1]) [203.0.113.9]:41000: 535 Incorrect authentication data (set_id=x [192.0.2.1]:2)",
		"Nov 24 08:55:46 posta imapd: LOGIN FAILED, user=x, ip=[192.0.2.1], ip=[::ffff:203.0.113.9]",
		"2026-11-24 08:55:46,616 INFO  [qtp-1] [oip=203.0.113.9;port=52016;ua=x oip=192.0.2.1;] SoapEngine - handler exception: authentication failed for [x oip=192.0.2.1;], invalid password",
		"[24-Nov-2026 08:55:46 +0100]: <a1b2c3d4> Failed login for x from 192.0.2.1 in session q from 203.0.113.9 in session a1b2c3d4e5f60718 (error: 0)",
	} {
		blames(t, line)
	}
}

func TestForgedTextInARequestIsNotAnAddress(t *testing.T) {
	for _, line := range []string{
		`203.0.113.9 - - [24/Nov/2026:09:55:36 +0100] "GET /?x=\" 200 192.0.2.1 HTTP/1.1" 404 153 "-" "192.0.2.1 - - [24/Nov/2026:09:55:36 +0100]"`,
		`203.0.113.9 - x [24/Nov/2026:01:01:01 +0000] 192.0.2.1 [24/Nov/2026:09:55:36 +0100] "GET / HTTP/1.1" 401 153 "-" "x"`,
		`2026/11/24 08:55:46 [error] 8#8: *17 user "x, client: 192.0.2.1, server: y" was not found in "/etc/x", client: 203.0.113.9, server: z, request: "GET /, client: 192.0.2.1 HTTP/1.1", host: "h", client: "192.0.2.1"`,
		`[Tue Nov 24 08:55:46 2026] [auth_basic:error] [pid 8] [client 203.0.113.9:55309] AH01617: user x [client 192.0.2.1:1]: authentication failure for "/r": Password Mismatch`,
		"1795510546.123     45 203.0.113.9 TCP_DENIED/403 1024 GET http://x/ 192.0.2.1 TCP_MISS/200 x - HIER_NONE/- text/html",
		`Nov 24 08:55:46 lb haproxy[811]: 203.0.113.9:55032 [24/Nov/2026:08:55:45.885] fe be/w 0/0/0/1/1 404 15 - - ---- 1/1/1/1/0 0/0 "GET /192.0.2.1:1 [24/Nov/2026:08:55:45.885] HTTP/1.1"`,
		"Nov 24 08:55:46 web wordpress(x)[811]: Authentication failure for x from 192.0.2.1 from 203.0.113.9",
		"Nov 24 08:55:46 web drupal: https://x|1795510546|user|203.0.113.9|https://x/|https://x/|0||Login attempt failed for x|192.0.2.1|.",
		`{"reqId":"U","level":2,"time":"2026-11-24T08:55:46+00:00","remoteAddr":"203.0.113.9","user":"--","message":"Login failed: x (Remote IP: 192.0.2.1) (Remote IP: 203.0.113.9)"}`,
		"Nov 24 08:55:46 web phpMyAdmin[811]: user denied: x (mysql-denied) from 192.0.2.1 (mysql-denied) from 203.0.113.9",
		"2026-11-24 08:55:46 192.0.2.25 GET /owa/ c-ip=192.0.2.1 443 192.0.2.1 203.0.113.9 192.0.2.1 - 401 1 1326 15",
		"2026-11-24 08:55:46,644 1 INFO odoo res_users: Login failed for db:odoo login:x from 192.0.2.1 from 203.0.113.9",
		`[2026-11-24 08:55:46.219][vaultwarden][ERROR] Username or password is incorrect. Try again. IP: 203.0.113.9. Username: x. IP: 192.0.2.1.`,
		`{"level":"info","ts":1795510546.7,"logger":"http.log.access","request":{"remote_ip":"203.0.113.9","remote_port":"4","client_ip":"192.0.2.1","method":"GET","uri":"/","headers":{"X-Forwarded-For":["192.0.2.1"]}},"status":200}`,
	} {
		blames(t, line)
	}
}

func TestForgedTextInARecordIsNotAnAddress(t *testing.T) {
	for _, line := range []string{
		`date=2026-11-24 time=09:55:46 tz="+0100" logid="0101039426" type="event" subtype="vpn" action="ssl-login-fail" remip=203.0.113.9 user="x\" remip=192.0.2.1 y=\"" reason="x"`,
		`device="SFW" date=2026-11-24 time=09:55:46 log_type="Event" log_component="GUI" status="Failed" src_ip=203.0.113.9 user_name="x" src_ip="192.0.2.1" message="x"`,
		`id=firewall time="2026-11-24 09:55:46" fw="S" startime="2026-11-24 09:55:45" src=203.0.113.9 user="x src=192.0.2.1" error=4 logtype="auth"`,
		`<134>id=firewall sn=1 time="2026-11-24 08:55:46 UTC" fw=192.0.2.1 pri=1 m=30 msg="Administrator login denied due to bad credentials" usr="x src=192.0.2.1:1:X" src=203.0.113.9:5:X1 dst=192.0.2.2:443:X1`,
		`CEF:0|Esempio|Sonda|1|100|Login failed|8|src=203.0.113.9 suser=x src\=192.0.2.1 msg=a src\=192.0.2.1`,
		"Nov 24 08:55:46 router system,error,critical login failure for user x from 192.0.2.1 via ssh from 203.0.113.9 via winbox",
		"Nov 24 2026 08:55:46 asa : %ASA-6-113005: AAA user authentication Rejected : reason = Invalid password : local database : user = x : user IP = 192.0.2.1 : user IP = 203.0.113.9",
		"Nov 24 08:55:46 pf php-fpm[374]: /index.php: webConfigurator authentication error for user 'x' from: 192.0.2.1' from: 203.0.113.9",
		"2026-11-24T08:55:46.123Z esx1 Hostd: info hostd[2101] [Originator@6876 sub=V] Event 128 : Cannot login x@192.0.2.1@203.0.113.9",
		"Nov 24 08:55:46 pve pvedaemon[811]: authentication failure; rhost=203.0.113.9 user=x rhost=192.0.2.1 msg=no such user",
		"Nov 24 08:55:46 nas qlogd[811]: conn log: Users: x, Source IP: 192.0.2.1, Computer name: y, Source IP: 203.0.113.9, Computer name: ---, Connection type: HTTPS, Accessed resources: A, Action: Login Fail",
		"Nov 24 08:55:46 nas Connection: User [x] from [192.0.2.1] failed to sign in to [DSM] via [q] from [203.0.113.9] failed to sign in to [DSM] via [password] due to authorization failure.",
	} {
		blames(t, line)
	}
}

func TestForgedTextInOtherLogInsIsNotAnAddress(t *testing.T) {
	for _, line := range []string{
		"2026-11-24T08:55:46.123456Z 8 [Note] [MY-010926] [Server] Access denied for user 'x'@'192.0.2.1'@'203.0.113.9' (using password: YES)",
		`2026-11-24 08:55:46.536 UTC [811] 203.0.113.9(51000) x@y FATAL:  password authentication failed for user "x" host "192.0.2.1"`,
		"2026-11-24 08:55:46.17 Logon       Login failed for user 'x'. Reason: y [CLIENT: 192.0.2.1]'. Reason: Password did not match. [CLIENT: 203.0.113.9]",
		"24-Nov-2026 08:55:46.425 client @0x7f 203.0.113.9#3076 (192.0.2.1#1): query (cache) '192.0.2.1#53/ANY/IN' denied",
		"Nov 24 08:55:46 gate dnsmasq[811]: query[A] x from 192.0.2.1 from 203.0.113.9",
		"Nov 24 08:55:46 vpn openvpn[811]: 203.0.113.9:51000 TLS: Username/Password authentication succeeded for username 'x/192.0.2.1:1'",
		"[Nov 24 08:55:46] NOTICE[811] chan_sip.c: Registration from '\"x' failed for '192.0.2.1:1' - y' failed for '203.0.113.9:5071' - Wrong password",
		"2026-11-24 08:55:46.685002 96.83% [WARNING] sofia_reg.c:3223 SIP auth failure (REGISTER) on sofia profile 'i' for [x] from ip 192.0.2.1] from ip 203.0.113.9",
		`type=USER_LOGIN msg=audit(1795510546.123:451): pid=811 uid=0 msg='op=login acct=782061646472 exe="/usr/sbin/sshd" hostname=? addr=203.0.113.9 terminal=ssh res=failed'`,
		`<Event><System><Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4625</EventID><TimeCreated SystemTime='2026-11-24T08:55:46Z'/><Channel>Security</Channel></System><EventData><Data Name='TargetUserName'>x&lt;/Data&gt;&lt;Data Name='IpAddress'&gt;192.0.2.1</Data><Data Name='IpAddress'>203.0.113.9</Data></EventData></Event>`,
		"<13>Nov 24 08:55:46 DC01 MSWinEventLog\t1\tSecurity\t811\tTue Nov 24 08:55:46 2026\t4625\tP\tN/A\tN/A\tFailure Audit\tDC01\tLogon\t\tAccount Name: -  Account Name: x Source Network Address: 192.0.2.1  Workstation Name: y  Source Network Address: 203.0.113.9  Source Port: 51000\t77",
	} {
		blames(t, line)
	}
}

func blames(t *testing.T, line string) {
	t.Helper()
	if e, ok := reader().Read([]byte(line)); !ok || e.Source.String() != "203.0.113.9" {
		t.Errorf("%s\nblames %v (%s)", line, e.Source, e.Product)
	}
	if !strings.Contains(line, "192.0.2.1") && !strings.Contains(line, "782061") {
		t.Errorf("%s\nforges nothing", line)
	}
}
