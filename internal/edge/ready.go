package edge

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"filo/internal/logline"
	"filo/internal/wire"
)

// checks gathers what the lines of one log say about whether an attacker could
// be found through it: log readiness.
type checks struct {
	products map[string]*portCount // of products whose lines could carry the source port
	requests int                   // of web servers
	froms    map[netip.Addr]int    // from whom; a few of them
	zoned    int                   // lines whose stamp, or another field, carries the offset
	stamped  int
	zoneless string // a product whose lines carry none
	earliest time.Time
	latest   time.Time
}

// portCount counts the lines of one product that name an address, and of them
// those that name its port.
type portCount struct{ sourced, ported int }

// see takes one line in.
func (c *checks) see(e *logline.Event) {
	if e.Source.IsValid() && toldPort[e.Product] && (e.Action == logline.Login && string(e.Channel) != "pam" || e.Action == logline.Request || e.Action == logline.Connect || e.Action == logline.Mail) {
		p := c.products[e.Product]
		if p == nil {
			if c.products == nil {
				c.products = map[string]*portCount{}
			}
			p = &portCount{}
			c.products[e.Product] = p
		}
		p.sourced++
		if e.SrcPort > 0 {
			p.ported++
		}
	}
	if e.Action == logline.Request && e.Source.IsValid() {
		c.requests++
		if c.froms == nil {
			c.froms = map[netip.Addr]int{}
		}
		if n, ok := c.froms[e.Source]; ok || len(c.froms) < maxFroms {
			c.froms[e.Source] = n + 1
		}
	}
	if e.Time.IsZero() || e.Zone == "assumed" {
		return
	}
	c.stamped++
	if e.Zone == logline.ZoneLine || e.Zone == logline.ZoneProduct {
		c.zoned++
	} else {
		c.zoneless = e.Product
	}
	if c.earliest.IsZero() || e.Time.Before(c.earliest) {
		c.earliest = e.Time
	}
	if e.Time.After(c.latest) {
		c.latest = e.Time
	}
}

const maxFroms = 1000

// toldPort are the products whose lines can carry the source port.
var toldPort = func() map[string]bool {
	out := map[string]bool{}
	for _, p := range logline.Products {
		out[p.ID] = p.Yields.Port
	}
	return out
}()

// portFixes are the lines to paste, by product.
var portFixes = map[string]string{
	"web": "# Apache: in apache2.conf\nLogFormat \"%a:%{remote}p %l %u %t \\\"%r\\\" %>s %O \\\"%{Referer}i\\\" \\\"%{User-Agent}i\\\"\" combined\n" +
		"# nginx: in nginx.conf, inside http { }\nlog_format filo '$remote_addr:$remote_port - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"';\naccess_log /var/log/nginx/access.log filo;",
	"postfix":    "postconf -e smtpd_client_port_logging=yes && postfix reload",
	"dovecot":    "# in /etc/dovecot/conf.d/10-logging.conf\nlogin_log_format_elements = user=<%u> method=%m rip=%r rport=%a lip=%l lport=%b mpid=%e %c session=<%{session}>",
	"exim":       "# in exim4.conf.template (Exim 4.80 and later)\nlog_selector = +incoming_port +smtp_protocol_error",
	"iis":        "# PowerShell, IIS 8.5 and later: a field of its own for the port\nAdd-WebConfigurationProperty -PSPath 'MACHINE/WEBROOT/APPHOST' -Filter 'system.applicationHost/sites/siteDefaults/logFile/customFields' -Name . -Value @{logFieldName='c-port';sourceName='REMOTE_PORT';sourceType='ServerVariable'}",
	"haproxy":    "# in haproxy.cfg, section defaults\noption httplog",
	"sshd":       "# OpenSSH older than 6.5 does not write the port: update it. Until then, in sshd_config\nLogLevel VERBOSE",
	"squid":      "# in squid.conf\nlogformat filo %ts.%03tu %6tr %>a:%>p %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt\naccess_log daemon:/var/log/squid/access.log filo",
	"openvpn":    "# in server.conf\nverb 3",
	"caddy":      "# in the Caddyfile: the field remote_port comes with\nlog {\n\tformat json\n}",
	"traefik":    "# in traefik.yml\naccessLog:\n  format: json",
	"mysql":      "# the server does not write the port: let the firewall in front of it write connections",
	"postgresql": "# in postgresql.conf\nlog_line_prefix = '%m [%p] %r %q%u@%d '\nlog_connections = on",
}

// zoneFixes make a product write its offset; the others come through syslog.
var zoneFixes = map[string]string{
	"iis":        "# IIS writes UTC: tell the agent with --zone UTC for this log",
	"mysql":      "# in my.cnf (MySQL 8, MariaDB 10.9 and later)\nlog_timestamps = SYSTEM",
	"postgresql": "# in postgresql.conf\nlog_timezone = 'UTC'\nlog_line_prefix = '%m [%p] %r %q%u@%d '",
	"windows":    "# send XML or JSON with SystemTime, which is UTC: in Winlogbeat and NXLog that is the default",
}

const (
	fixZone  = "# rsyslog: in /etc/rsyslog.conf comment this line out, then: systemctl restart rsyslog\n#$ActionFileDefaultTemplate RSYSLOG_TraditionalFileFormat"
	fixClock = "timedatectl set-ntp true"
	fixDays  = "# logrotate: in /etc/logrotate.conf\nweekly\nrotate 26"
	fixProxy = "# nginx, inside server { }; put the address of your proxy in place of %[1]s\nset_real_ip_from %[1]s;\nreal_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n" +
		"# Apache: a2enmod remoteip, then\nRemoteIPHeader X-Forwarded-For\nRemoteIPTrustedProxy %[1]s"
)

// maxSkew is how far the clock may be off: providers name a subscriber only
// within a second or so, and the centre warns from two minutes.
const maxSkew = 2 * time.Second

// list gives the checks in the order of importance.
func (c *checks) list(offset time.Duration) []wire.Check {
	var out []wire.Check
	if k, ok := c.port(); ok {
		out = append(out, k)
	}
	if k, ok := c.proxy(); ok {
		out = append(out, k)
	}
	if c.stamped > 0 {
		k := wire.Check{Name: "zone", OK: c.zoned*10 >= c.stamped*9, Seen: fmt.Sprintf("%d/%d", c.zoned, c.stamped)}
		if !k.OK {
			if k.Fix = zoneFixes[c.zoneless]; k.Fix == "" {
				k.Fix = fixZone
			}
		}
		out = append(out, k)
	}
	k := wire.Check{Name: "clock", OK: offset.Abs() <= maxSkew, Seen: offset.Round(time.Millisecond).String()}
	if !k.OK {
		k.Fix = fixClock
	}
	out = append(out, k)
	if !c.earliest.IsZero() {
		days := int(c.latest.Sub(c.earliest).Hours() / 24)
		k := wire.Check{Name: "retention", OK: days >= 90, Seen: fmt.Sprintf("%d", days)}
		if !k.OK {
			k.Fix = fixDays
		}
		out = append(out, k)
	}
	return out
}

// port judges the product that lacks the port most often.
func (c *checks) port() (wire.Check, bool) {
	k := wire.Check{Name: "source_port", OK: true}
	worst := -1
	for product, p := range c.products {
		lack := p.sourced - p.ported
		if lack < worst || lack == worst && k.Product < product {
			continue
		}
		worst = lack
		k.Product, k.Seen = product, fmt.Sprintf("%d/%d", p.ported, p.sourced)
		if k.OK, k.Fix = p.ported*10 >= p.sourced*9, ""; !k.OK {
			k.Fix = portFixes[product]
		}
	}
	return k, worst >= 0
}

// proxy notices that nearly all requests come from one private address: a proxy
// stands before the server, and the real visitor is not recorded.
func (c *checks) proxy() (wire.Check, bool) {
	if c.requests < 200 {
		return wire.Check{}, false
	}
	for a, n := range c.froms {
		if n*20 >= c.requests*19 && (a.IsPrivate() || a.IsLoopback()) {
			return wire.Check{Name: "proxy", Seen: fmt.Sprintf("%s: %d/%d", a, n, c.requests), Fix: fmt.Sprintf(fixProxy, a)}, true
		}
	}
	return wire.Check{Name: "proxy", OK: true, Seen: fmt.Sprintf("%d", len(c.froms))}, true
}

// weights say how much of the score hangs on each check.
var weights = map[string]int{"source_port": 40, "proxy": 20, "zone": 20, "clock": 20, "retention": 20}

// score gives 0 to 100: how far an attacker could be found through a log.
func score(list []wire.Check) int {
	have, most := 0, 0
	for _, k := range list {
		most += weights[k.Name]
		if k.OK {
			have += weights[k.Name]
		}
	}
	if most == 0 {
		return 0
	}
	return have * 100 / most
}

func hostname() string {
	h, err := os.Hostname()
	if err != nil {
		return "?"
	}
	return h
}
