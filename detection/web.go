package detection

import (
	"net/url"
	"strings"

	"filo/internal/logline"
)

// attackSigns are parts of a request that no honest visitor sends, lower case,
// after decoding.
var attackSigns = []string{
	"../", "..\\", "/etc/passwd", "/etc/shadow", "win.ini", "boot.ini", "<script", "onerror=", "javascript:",
	"union select", "union all select", "' or '1'='1", "' or 1=1", "\" or 1=1", "sleep(", "benchmark(", "information_schema", "xp_cmdshell",
	"${jndi:", "{{7*7}}", ";cat ", "|cat ", "$(curl", "`curl", "wget http", "curl http", "/bin/sh", "/bin/bash", "cmd.exe", "powershell ",
	"php://input", "php://filter", "allow_url_include", "auto_prepend_file", "base64_decode(", "eval(", "system(", "passthru(",
	"/.env", "/.git/", "/.aws/", "/wp-config.php", "/vendor/phpunit", "/cgi-bin/luci", "/boaform/", "/hnap1", "/shell?", "/_ignition/",
	"/actuator/gateway", "/solr/admin", "/manager/html", "/remote/fgt_lang", "/dana-na/", "/owa/auth/x.js", "/autodiscover/autodiscover.json?@",
}

func decoded(path string) string {
	for range 2 { // attackers encode twice
		p, err := url.QueryUnescape(path)
		if err != nil || p == path {
			break
		}
		path = p
	}
	return strings.ToLower(path)
}

func webAttack(e logline.Event) bool {
	if e.Product != "web" || e.Path == "" {
		return false
	}
	p := decoded(e.Path)
	for _, s := range attackSigns {
		if strings.Contains(p, s) {
			return true
		}
	}
	return false
}

// loginPaths are where people sign in to common products.
var loginPaths = []string{"/wp-login.php", "/xmlrpc.php", "/administrator/index.php", "/user/login", "/login", "/phpmyadmin", "/owa/auth.owa", "/index.php/login"}

func webLogin(e logline.Event) bool {
	if e.Product != "web" {
		return false
	}
	if e.Status == 401 {
		return true
	}
	if e.Method != "POST" {
		return false
	}
	p := strings.ToLower(e.Path)
	for _, l := range loginPaths {
		if strings.Contains(p, l) {
			// A successful sign-in usually answers with a redirect.
			return e.Status != 302 && e.Status != 303
		}
	}
	return false
}

func webScan(e logline.Event) bool {
	return e.Product == "web" && (e.Status == 404 || e.Status == 403 || e.Status == 400) && !strings.Contains(e.Path, "favicon") && !strings.Contains(e.Path, "robots.txt")
}
