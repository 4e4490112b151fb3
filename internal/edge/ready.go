package edge

import (
	"fmt"
	"os"
	"time"

	"filo/internal/logline"
	"filo/internal/wire"
)

// checks gathers what the lines of one log say about whether an attacker could
// be found through it: log readiness.
type checks struct {
	product  string
	sourced  int // lines with an address
	ported   int // of them, with a source port
	zoned    int // lines whose stamp carries its offset
	stamped  int
	earliest time.Time
	latest   time.Time
}

func (c *checks) see(e *logline.Event) {
	switch e.Product {
	case "sshd", "web":
		c.product = e.Product
		if e.Source.IsValid() && (e.Product == "web" || e.Action == logline.Login && len(e.Channel) == 0) { // PAM never knows the port
			c.sourced++
			if e.SrcPort > 0 {
				c.ported++
			}
		}
	}
	if e.Zone != "assumed" {
		c.stamped++
		if e.Zone == "line" {
			c.zoned++
		}
	}
	if c.earliest.IsZero() || e.Time.Before(c.earliest) {
		c.earliest = e.Time
	}
	if e.Time.After(c.latest) {
		c.latest = e.Time
	}
}

// fixes are the lines to paste, by product.
const (
	fixApache = "# Apache: in apache2.conf\nLogFormat \"%a:%{remote}p %l %u %t \\\"%r\\\" %>s %O \\\"%{Referer}i\\\" \\\"%{User-Agent}i\\\"\" combined\n" +
		"# nginx: in nginx.conf, inside http { }\nlog_format filo '$remote_addr:$remote_port - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"';\naccess_log /var/log/nginx/access.log filo;"
	fixZone  = "# rsyslog: in /etc/rsyslog.conf comment this line out, then: systemctl restart rsyslog\n#$ActionFileDefaultTemplate RSYSLOG_TraditionalFileFormat"
	fixClock = "timedatectl set-ntp true"
	fixDays  = "# logrotate: in /etc/logrotate.conf\nweekly\nrotate 26"
)

// maxSkew is how far the clock may be off: providers name a subscriber only
// within a second or so, and the centre warns from two minutes.
const maxSkew = 2 * time.Second

// list gives the checks in the order of importance.
func (c *checks) list(offset time.Duration) []wire.Check {
	var out []wire.Check
	if c.sourced > 0 {
		k := wire.Check{Name: "source_port", OK: c.ported*10 >= c.sourced*9, Seen: fmt.Sprintf("%d/%d", c.ported, c.sourced)}
		if !k.OK && c.product == "web" {
			k.Fix = fixApache
		}
		out = append(out, k)
	}
	if c.stamped > 0 {
		k := wire.Check{Name: "zone", OK: c.zoned*10 >= c.stamped*9, Seen: fmt.Sprintf("%d/%d", c.zoned, c.stamped)}
		if !k.OK {
			k.Fix = fixZone
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

func hostname() string {
	h, err := os.Hostname()
	if err != nil {
		return "?"
	}
	return h
}
