package logline

import "bytes"

// program hands the message of a program to who can read it.
func (r *Reader) program(name, msg []byte, depth int) bool {
	switch string(name) {
	case "sshd", "sshd-session", "sshd-auth":
		return r.sshd(msg)
	case "kernel":
		return r.kernel(msg, depth)
	case "CRON", "cron", "crond", "anacron", "systemd", "rsyslogd", "logrotate":
		return r.pam(msg) || r.other("syslog") // commands and addresses in them are nobody's log-in
	case "sudo":
		return r.sudo(msg)
	case "su":
		return r.su(msg)
	case "login", "gdm-password]", "gdm-password", "lightdm", "systemd-logind", "sddm-helper", "polkitd":
		return r.login(msg)
	case "useradd", "usermod", "userdel", "groupadd", "passwd", "chpasswd", "gpasswd", "groupdel", "chage", "pkexec":
		return r.accounts(msg)
	case "dropbear":
		return r.dropbear(msg)
	case "dovecot":
		return r.dovecot(msg)
	case "filterlog":
		return r.filterlog(msg) || r.rest(msg)
	case "exim", "exim4":
		return r.eximSyslog(msg)
	case "sendmail", "sm-mta", "sm-msp-queue", "sendmail-mta":
		return r.sendmail(msg)
	case "amavis", "amavisd":
		return r.amavis(msg)
	case "imapd", "pop3d", "imapd-ssl", "pop3d-ssl", "courieresmtpd", "esmtpd", "courier-imapd", "courier-pop3d", "imaplogin", "pop3login":
		return r.courier(msg)
	case "roundcube":
		return r.roundcube(msg) || r.rest(msg)
	case "vsftpd":
		return r.vsftpdSyslog(msg)
	case "proftpd":
		return r.proftpd(msg)
	case "pure-ftpd":
		return r.pureftpd(msg)
	}
	return r.programServer(name, msg, depth)
}

// programServer goes on with the names of servers and appliances.
func (r *Reader) programServer(name, msg []byte, depth int) bool {
	switch string(name) {
	case "named", "isc-bind", "bind":
		return r.bind(msg) || r.other("bind")
	case "unbound":
		return r.unbound(msg)
	case "haproxy":
		return r.haproxy(msg)
	case "charon", "charon-systemd", "ipsec", "strongswan", "charon-nm":
		return r.strongswan(msg)
	case "mysqld", "mariadbd", "mariadb", "mysql":
		return r.mysqlSyslog(msg)
	case "postgres", "postgresql":
		return r.postgresSyslog(msg)
	case "mongod", "mongos":
		return r.content(msg, depth+1)
	case "asterisk":
		return r.asterisk(msg) || r.other("asterisk")
	case "freeswitch":
		return r.freeswitchSyslog(msg)
	case "php-fpm", "audit", "configd.py", "lighttpd", "php":
		return r.pfsense(msg) || r.auditSyslog(msg) || r.content(msg, depth)
	case "pvedaemon", "pveproxy", "proxmox-backup-proxy", "proxmox-backup-api", "pmgdaemon":
		return r.proxmox(msg)
	case "Hostd", "hostd", "vobd", "Vpxa", "vpxa", "vpxd", "vpxd-svcs", "vmauthd", "Rhttpproxy", "rhttpproxy", "Fdm", "VC", "DCUI", "apigw":
		return r.vcenterEvent(msg) || r.esxi(msg) || r.other("esxi")
	case "auditd", "audispd":
		return r.content(msg, depth)
	case "smbd", "smbd_audit", "smb":
		return r.samba(msg) || r.rest(msg)
	case "phpMyAdmin", "phpmyadmin":
		return r.phpmyadmin(msg)
	case "drupal":
		return r.drupal(msg)
	case "wordpress":
		return r.wordpress(msg)
	case "qlogd", "qulogd":
		return r.qnap(msg) || r.rest(msg)
	case "Veeam_MP", "Veeam":
		return r.veeam(msg) || r.other("veeam")
	case "nginx":
		return r.nginxSyslog(msg, depth)
	case "apache2", "httpd", "apache":
		return r.content(msg, depth)
	case "squid", "(squid-1)", "(squid)":
		return r.squidSyslog(msg)
	case "MSWinEventLog":
		return r.snare(msg)
	case "wireguard", "wg":
		return r.wireguard(msg)
	case "CheckPoint", "CP-GW":
		return r.content(msg, depth)
	}
	return r.programPrefix(name, msg, depth)
}

// programPrefix knows families of programs by how their names begin, and the
// messages that tell their product themselves.
func (r *Reader) programPrefix(name, msg []byte, depth int) bool {
	switch {
	case starts(name, "sshd-"):
		return r.sshd(msg)
	case starts(name, "postfix"):
		return r.postfix(msg)
	case starts(name, "openvpn"), starts(name, "ovpn-"):
		return r.openvpn(msg)
	case starts(name, "dnsmasq"):
		return r.dnsmasq(msg)
	case starts(name, "cyrus"), starts(name, "imap") || starts(name, "pop3"):
		if starts(msg, "badlogin: ") || starts(msg, "login: ") || starts(name, "cyrus") {
			return r.cyrus(msg)
		}
		return r.courier(msg)
	case starts(name, "wordpress"):
		return r.wordpress(msg)
	case starts(name, "WinFileService"), starts(name, "Connection"), starts(name, "System"):
		if r.synology(msg) {
			return true
		}
	case starts(name, "RT_") || juniperTag(name):
		if id := r.get("msgid"); len(id) > 0 {
			name = id
		}
		return r.juniper(name, msg)
	case starts(name, "hostd"), starts(name, "vpxd"):
		return r.vcenterEvent(msg) || r.esxi(msg) || r.other("esxi")
	case starts(name, "CEF"):
		if starts(msg, "0|") || starts(msg, "1|") {
			return r.cef(msg)
		}
	case starts(name, "LEEF"):
		return r.leef(r.glue("LEEF:", msg))
	case starts(name, "mysql"):
		return r.mysqlSyslog(msg)
	case starts(name, "postgres"):
		return r.postgresSyslog(msg)
	case starts(name, "proftpd"):
		return r.proftpd(msg)
	case starts(name, "%"):
		return r.cisco(r.glue(string(name)+": ", msg))
	case starts(name, "synoscgi"), starts(name, "synology"):
		if r.pam(msg) || r.synology(msg) {
			r.ev.Product = "synology"
			return true
		}
	case starts(name, "kav"), starts(name, "KES"), starts(name, "KSC"), string(name) == "klnagent":
		if r.has("et") {
			return r.kaspersky(msg)
		}
	}
	return r.untold(name, msg, depth)
}

// untold looks at the message when the program tells nothing.
func (r *Reader) untold(name, msg []byte, depth int) bool {
	switch {
	case len(r.fields) == 0:
	case r.has("et") && r.has("hdn"):
		return r.kaspersky(msg)
	case r.has("instanceId"):
		return r.veeam(msg)
	case r.has("source-address") || juniperTag(r.get("msgid")):
		return r.juniper(r.get("msgid"), msg)
	case r.has("action") && r.has("ifdir"):
		return r.checkpoint()
	}
	switch {
	case len(msg) == 0:
		return r.rest(msg)
	case starts(msg, "pam_") && r.pam(msg):
		return true
	case msg[0] == 'U' && r.synology(msg), msg[0] == 'S' && r.synology(msg), starts(msg, "Host") && r.synology(msg), starts(msg, "L'utente") && r.synology(msg):
		return true
	case starts(msg, "wireguard: "):
		return r.wireguard(msg[11:])
	case starts(msg, "AUT") || len(name) == 0:
		return r.content(msg, depth)
	case juniperTag(msg):
		tag, text, _ := cut(msg, ": ")
		return r.juniper(tag, text)
	case r.cms(msg):
		return true
	}
	if rest, ok := r.whenInside(msg); ok {
		return r.inside(msg, rest, depth)
	}
	return r.content(msg, depth)
}

// whenInside reads a time that a program puts in front of its own text; one
// with an offset wins over that of syslog.
func (r *Reader) whenInside(msg []byte) ([]byte, bool) {
	if len(msg) < 20 || msg[0] < '0' || msg[0] > '9' {
		return nil, false
	}
	t, z, s := r.ev.Time, r.ev.Zone, r.ev.Slack
	rest, ok := r.when(msg)
	if (!ok || r.ev.Zone == ZoneMachine) && !t.IsZero() {
		r.ev.Time, r.ev.Zone, r.ev.Slack = t, z, s
	}
	return rest, ok
}

func (r *Reader) inside(all, rest []byte, depth int) bool {
	t, z, s := r.ev.Time, r.ev.Zone, r.ev.Slack
	ok := r.stamped(all, rest, depth+1)
	r.ev.Time, r.ev.Zone, r.ev.Slack = t, z, s
	return ok
}

func (r *Reader) other(product string) bool {
	r.ev.Product, r.ev.Action = product, Other
	return true
}

// kernel reads packets that a rule logged, WireGuard, and the rest.
func (r *Reader) kernel(msg []byte, depth int) bool {
	if r.netfilter(msg) {
		return true
	}
	if starts(msg, "[") { // the kernel's own clock
		if _, rest, ok := cut(msg, "] "); ok {
			msg = rest
		}
	}
	if starts(msg, "wireguard: ") {
		return r.wireguard(msg[11:])
	}
	return r.other("syslog")
}

func (r *Reader) mysqlSyslog(msg []byte) bool {
	if rest, ok := r.whenInside(msg); ok && r.mysql(rest) {
		return true
	}
	r.ev.Product, r.ev.Action = "mysql", Other
	for starts(msg, "[") {
		_, rest, ok := cut(msg, "] ")
		if !ok {
			break
		}
		msg = rest
	}
	mysqlForms.read(msg, &r.ev)
	return true
}

func (r *Reader) postgresSyslog(msg []byte) bool {
	if starts(msg, "[") { // [4-1]
		if _, rest, ok := cut(msg, "] "); ok {
			msg = rest
		}
	}
	if rest, ok := r.whenInside(msg); ok {
		msg = rest
	}
	return r.postgres(msg) || r.other("postgresql")
}

func (r *Reader) freeswitchSyslog(msg []byte) bool {
	if rest, ok := r.whenInside(msg); ok {
		msg = rest
	}
	return r.freeswitch(msg) || r.other("freeswitch")
}

func (r *Reader) nginxSyslog(msg []byte, depth int) bool {
	if rest, ok := r.whenInside(msg); ok && r.nginxError(trim(rest)) {
		return true
	}
	return r.combined(msg) || r.content(msg, depth)
}

func (r *Reader) squidSyslog(msg []byte) bool {
	if r.epoch(msg) && r.squid(squidRest(msg)) {
		return true
	}
	return r.other("squid")
}

func (r *Reader) eximSyslog(msg []byte) bool {
	if rest, ok := r.whenInside(msg); ok {
		msg = trim(rest)
	}
	return r.exim(msg) || r.other("exim")
}

// What follows is for files that programs write without syslog: each looks at
// the first bytes before it begins.

func (r *Reader) eximPid(rest []byte) bool {
	i := bytes.IndexByte(rest, ']')
	return i > 1 && digits(rest[1:]) == i-1 && r.exim(rest)
}

func (r *Reader) eximStamped(rest []byte) bool {
	w, more := word(rest)
	if eximID(w) || starts(rest, "H=") || starts(rest, "SMTP ") || starts(rest, "no host name found for") || starts(rest, "TLS error on connection") || starts(rest, "rejected ") || starts(rest, "unexpected disconnection") || starts(more, "authenticator failed for ") {
		return r.exim(rest)
	}
	return false
}

func (r *Reader) pgBracket(rest []byte) bool {
	i := bytes.IndexByte(rest, ']')
	return i > 1 && i < 12 && digits(rest[1:]) >= i-3 && r.postgres(rest)
}

func (r *Reader) unboundStamped(rest []byte) bool {
	in := rest[:min(len(rest), 24)]
	i := bytes.IndexByte(in, ':')
	if i < 2 || !has(in, "] ") || digits(rest[1:]) != i-1 {
		return false
	}
	_, said, _ := cut(rest, "] ")
	return (starts(said, "info: ") || starts(said, "query: ") || starts(said, "reply: ")) && r.unbound(rest)
}

// openvpnStamped knows a server's own log by the address behind the time, or
// by words that only it writes.
func (r *Reader) openvpnStamped(rest []byte) bool {
	if starts(rest, "us=") {
		_, rest = word(rest)
	}
	w, said := word(rest)
	client := w
	if i := bytes.LastIndexByte(w, '/'); i > 0 {
		client = w[i+1:]
	}
	for _, p := range [...]string{"udp4:", "udp6:", "tcp4-server:", "tcp6-server:"} {
		client, _ = after(client, p)
	}
	if _, p, ok := addrPort(client); ok && p > 0 {
		for _, k := range [...]string{"TLS", "VERIFY", "AUTH", "OpenSSL", "[", "TCP conn", "MULTI", "PLUGIN", "SENT", "peer", "Peer", "SIG", "Authenticate", "WARNING", "PUSH", "Connection", "Control", "Data", "Outgoing", "Incoming", "Re-using", "Options"} {
			if starts(said, k) {
				return r.openvpn(rest)
			}
		}
		return false
	}
	if starts(rest, "OpenVPN ") || starts(rest, "MULTI: ") || starts(rest, "Incoming Control Channel") || starts(rest, "TCP connection established with [AF_INET") || starts(rest, "TLS Error: ") {
		return r.openvpn(rest)
	}
	return false
}

// extendedRow knows a row of the W3C extended format by the head that was seen,
// or by IIS's own columns.
func (r *Reader) extendedRow(all, rest []byte) bool {
	if len(all) < 20 || all[10] != ' ' || all[4] != '-' {
		return false
	}
	if r.heads.product == "" || r.heads.sep != ' ' {
		w, more := word(rest)
		if _, ok := ip(w); !ok {
			return false
		}
		m, _ := word(more)
		if len(m) < 3 || m[0] < 'A' || m[0] > 'Z' {
			return false
		}
	}
	before := r.ev
	if r.extended(all) {
		return true
	}
	r.ev = before
	r.fields, r.roles = r.fields[:0], r.roles[:0]
	return false
}
