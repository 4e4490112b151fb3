package logline

// Product is one thing that a Comune has and whose lines are understood.
type Product struct {
	ID     string
	Name   string // as people know it
	Family string
	Yields Yields
	Forms  string // in which shapes its lines come
}

// Yields says what the lines of a product give, in at least one of their
// shapes: what is not set here cannot be had from this product at all.
type Yields struct {
	Zone    bool // the line itself, or another field of it, says its offset
	Source  bool
	Port    bool // source port: without it nobody behind a shared address is found
	Dest    bool
	User    bool
	Outcome bool
}

// String lists what is there, for people.
func (y Yields) String() string {
	s := ""
	for _, p := range [...]struct {
		has  bool
		name string
	}{{y.Source, "source"}, {y.Port, "port"}, {y.Dest, "destination"}, {y.User, "user"}, {y.Outcome, "outcome"}, {y.Zone, "zone"}} {
		if p.has {
			if s != "" {
				s += " "
			}
			s += p.name
		}
	}
	return s
}

// Families, in the order in which people look for them.
var Families = []string{"access", "mail", "web", "database", "dns", "vpn", "firewall", "windows", "virtualisation", "storage", "telephony", "endpoint", "network", "system", "format"}

// Products lists everything that Read recognises.
var Products = []Product{
	{"sshd", "OpenSSH", "access", y("zone source port dest user outcome"), "syslog, journald, Windows event"},
	{"dropbear", "Dropbear", "access", y("source port user outcome"), "syslog"},
	{"sudo", "sudo", "access", y("user outcome"), "syslog"},
	{"su", "su", "access", y("user outcome"), "syslog"},
	{"pam", "PAM, login", "access", y("source user outcome"), "syslog"},
	{"vsftpd", "vsftpd", "access", y("source user outcome"), "own file, syslog"},
	{"proftpd", "ProFTPD", "access", y("source dest user outcome"), "own file, syslog"},
	{"pure-ftpd", "Pure-FTPd", "access", y("source user outcome"), "syslog"},
	{"samba", "Samba", "access", y("zone source port user outcome"), "own file, syslog"},
	{"dovecot", "Dovecot", "mail", y("source port dest user outcome"), "syslog"},
	{"postfix", "Postfix", "mail", y("source port user outcome"), "syslog; port with smtpd_client_port_logging"},
	{"exim", "Exim", "mail", y("source port user outcome"), "main log, reject log, syslog"},
	{"sendmail", "Sendmail", "mail", y("source user outcome"), "syslog"},
	{"courier", "Courier", "mail", y("source port user outcome"), "syslog"},
	{"cyrus", "Cyrus IMAP", "mail", y("source user outcome"), "syslog"},
	{"exchange", "Microsoft Exchange", "mail", y("zone source port dest user outcome"), "SMTP, IMAP, POP, message tracking (CSV)"},
	{"zimbra", "Zimbra", "mail", y("source port user outcome"), "mailbox.log, audit.log"},
	{"roundcube", "Roundcube", "mail", y("zone source user outcome"), "userlogins.log, errors.log, syslog"},
	{"amavis", "amavis", "mail", y("source port outcome"), "syslog"},
	{"web", "Apache, nginx, LiteSpeed: access log", "web", y("zone source port user outcome"), "common, combined, with virtual host, with port"},
	{"apache", "Apache: error log, ModSecurity", "web", y("source port user outcome"), "error.log"},
	{"nginx", "nginx: error log, Proxy Manager", "web", y("zone source user outcome"), "error.log, mail proxy"},
	{"iis", "Microsoft IIS, OWA, ActiveSync", "web", y("zone source port dest user outcome"), "W3C extended"},
	{"caddy", "Caddy", "web", y("zone source port outcome"), "JSON"},
	{"traefik", "Traefik", "web", y("zone source port dest outcome"), "JSON, text"},
	{"haproxy", "HAProxy", "web", y("source port outcome"), "HTTP and TCP log by syslog"},
	{"squid", "Squid", "web", y("zone source dest user outcome"), "native, syslog"},
	{"wordpress", "WordPress", "web", y("source user outcome"), "WP fail2ban by syslog"},
	{"joomla", "Joomla", "web", y("zone source outcome"), "error.php"},
	{"drupal", "Drupal", "web", y("zone source user outcome"), "syslog module"},
	{"nextcloud", "Nextcloud, ownCloud", "web", y("zone source user outcome"), "nextcloud.log (JSON)"},
	{"phpmyadmin", "phpMyAdmin", "web", y("source user outcome"), "syslog"},
	{"app", "Web applications of all kinds: Gitea, Jellyfin, Keycloak, Vaultwarden, Odoo, Grafana …", "web", y("zone source port user outcome"), "text, JSON, key=value"},
	{"mysql", "MySQL, MariaDB", "database", y("zone source user outcome"), "error log, general log, syslog"},
	{"postgresql", "PostgreSQL", "database", y("zone source port user outcome"), "stderr log, syslog"},
	{"mssql", "Microsoft SQL Server", "database", y("source user outcome"), "ERRORLOG, Windows event"},
	{"mongodb", "MongoDB", "database", y("zone source port user outcome"), "JSON"},
	{"bind", "BIND", "dns", y("source port dest outcome"), "query log, security log, syslog"},
	{"unbound", "Unbound", "dns", y("zone source outcome"), "own file, syslog"},
	{"windows-dns", "Windows DNS server", "dns", y("source"), "debug log, Windows event"},
	{"dnsmasq", "dnsmasq", "dns", y("source outcome"), "syslog"},
	{"openvpn", "OpenVPN", "vpn", y("source port user outcome"), "own file, syslog"},
	{"wireguard", "WireGuard", "vpn", y("source port outcome"), "kernel log"},
	{"strongswan", "strongSwan", "vpn", y("source port user outcome"), "syslog; address and outcome joined"},
	{"alwayson", "AlwaysOn VPN: RRAS, NPS", "vpn", y("zone source dest user outcome"), "NPS CSV, Windows event"},
	{"ivanti", "Ivanti, Pulse Connect Secure", "vpn", y("source user outcome"), "key=value by syslog"},
	{"fortigate", "Fortinet FortiGate", "firewall", y("zone source port dest user outcome"), "key=value, with commas, CEF"},
	{"sophos", "Sophos Firewall (SFOS)", "firewall", y("zone source port dest user outcome"), "key=value of both generations"},
	{"sophos-utm", "Sophos UTM", "firewall", y("source port dest outcome"), "key=value by syslog"},
	{"pfsense", "pfSense, OPNsense", "firewall", y("zone source port dest user outcome"), "filterlog, web pages"},
	{"watchguard", "WatchGuard Firebox", "firewall", y("source port dest user outcome"), "LEEF, syslog"},
	{"mikrotik", "MikroTik RouterOS", "firewall", y("zone source port dest user outcome"), "syslog"},
	{"stormshield", "Stormshield", "firewall", y("zone source port dest user outcome"), "key=value"},
	{"sonicwall", "SonicWall", "firewall", y("zone source port dest user outcome"), "key=value, CEF"},
	{"checkpoint", "Check Point", "firewall", y("zone source port dest user outcome"), "log exporter: syslog, CEF, key=value"},
	{"paloalto", "Palo Alto Networks", "firewall", y("source port dest user outcome"), "CSV, CEF"},
	{"cisco-asa", "Cisco ASA, Firepower", "firewall", y("source port dest user outcome"), "syslog"},
	{"cisco-ios", "Cisco IOS, NX-OS", "network", y("zone source port dest user outcome"), "syslog"},
	{"juniper", "Juniper SRX, Junos", "firewall", y("zone source port dest user outcome"), "structured and plain syslog"},
	{"unifi", "Ubiquiti UniFi", "firewall", y("source port dest outcome"), "kernel log, CEF"},
	{"netfilter", "iptables, nftables, UFW", "firewall", y("zone source port dest outcome"), "kernel log"},
	{"windows", "Windows: Security, System, RDP", "windows", y("zone source port user outcome"), "XML, NXLog, Winlogbeat, Snare, JSON of EVTX"},
	{"sysmon", "Sysmon", "windows", y("zone source port dest user outcome"), "XML, JSON"},
	{"defender", "Microsoft Defender Antivirus", "endpoint", y("zone user"), "XML, JSON"},
	{"powershell", "PowerShell", "windows", y("zone outcome"), "XML, JSON"},
	{"esxi", "VMware ESXi", "virtualisation", y("zone source user outcome"), "syslog"},
	{"vcenter", "VMware vCenter", "virtualisation", y("zone source user outcome"), "syslog"},
	{"proxmox", "Proxmox VE, Backup Server", "virtualisation", y("zone source port dest user outcome"), "syslog, firewall log"},
	{"synology", "Synology DSM", "storage", y("zone source user outcome"), "syslog"},
	{"qnap", "QNAP QTS", "storage", y("source user outcome"), "syslog"},
	{"veeam", "Veeam Backup & Replication", "storage", y("zone user outcome"), "RFC 5424"},
	{"asterisk", "Asterisk", "telephony", y("zone source port dest user outcome"), "messages, security log"},
	{"freeswitch", "FreeSWITCH", "telephony", y("source user outcome"), "own file, syslog"},
	{"eset", "ESET PROTECT", "endpoint", y("source port dest user outcome"), "JSON by syslog, CEF"},
	{"bitdefender", "Bitdefender GravityZone", "endpoint", y("zone user outcome"), "CEF"},
	{"kaspersky", "Kaspersky Security Center", "endpoint", y("zone user"), "RFC 5424, CEF"},
	{"withsecure", "WithSecure Elements", "endpoint", y("zone user outcome"), "JSON, CEF"},
	{"trendmicro", "Trend Micro", "endpoint", y("zone user outcome"), "CEF"},
	{"sentinelone", "SentinelOne", "endpoint", y("zone user outcome"), "JSON, CEF"},
	{"m365-defender", "Microsoft 365 Defender", "endpoint", y("zone source port user outcome"), "JSON of alerts and advanced hunting"},
	{"harfanglab", "HarfangLab", "endpoint", y("zone user"), "JSON"},
	{"netflow", "NetFlow, IPFIX, sFlow", "network", y("zone source port dest user outcome"), "flows that the agent received, as JSON"},
	{"suricata", "Suricata", "network", y("zone source port dest outcome"), "EVE JSON"},
	{"zeek", "Zeek", "network", y("zone source port dest outcome"), "TSV, JSON"},
	{"auditd", "auditd", "system", y("zone source user outcome"), "audit.log, syslog"},
	{"accounts", "useradd, passwd, pkexec …", "system", y("outcome"), "syslog"},
	{"cef", "Common Event Format", "format", y("source dest outcome"), "any vendor"},
	{"leef", "Log Event Extended Format", "format", y("source user outcome"), "any vendor"},
	{"gelf", "Graylog GELF", "format", y("zone source user outcome"), "JSON"},
	{"w3c", "W3C extended, Windows Firewall", "format", y("source port dest outcome"), "columns by #Fields"},
	{"json", "JSON of an unknown program", "format", y("zone source"), "JSON"},
	{"kv", "Pairs of an unknown program", "format", y("zone source"), "key=value"},
	{"syslog", "Syslog of an unknown program", "format", y(""), "RFC 3164, RFC 5424, journald"},
}

// y makes Yields of words.
func y(words string) (out Yields) {
	b := []byte(words)
	for len(b) > 0 {
		var w []byte
		w, b = word(b)
		switch string(w) {
		case "zone":
			out.Zone = true
		case "source":
			out.Source = true
		case "port":
			out.Port = true
		case "dest":
			out.Dest = true
		case "user":
			out.User = true
		case "outcome":
			out.Outcome = true
		}
	}
	return out
}
