package source

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filo/internal/edge/source/evtx"
	"filo/internal/edge/source/file"
	"filo/internal/edge/source/flow"
	"filo/internal/edge/source/journald"
	"filo/internal/edge/source/mail"
	"filo/internal/edge/source/stdin"
	"filo/internal/edge/source/syslog"
	"filo/internal/edge/source/winevent"
)

// Options is what the sources of one agent share. Its zero value is usable for
// sources that need no queue.
type Options struct {
	Dir     string         // for the queues of what comes over the network
	Limit   int64          // of each queue, bytes; 0: 64 MiB
	FromEnd bool           // pass over what is there, when there is no position
	History bool           // read rotated files too, when there is no position
	Own     []netip.Prefix // networks of one's own: their mail servers are no origin
	Stdin   io.Reader      // nil: the process's
	Now     func() time.Time
}

// Kinds tells what can be written, for those who wrote something else.
const Kinds = `a path (/var/log/auth.log, a folder, /var/log/nginx/*.log), "journald:" or "journald:ssh.service", "syslog:udp://0.0.0.0:5514", "syslog:tcp://0.0.0.0:5514", "syslog:tls://0.0.0.0:6514?cert=FILE&key=FILE", "flow:0.0.0.0:2055", "sflow:0.0.0.0:6343", "winevent:Security,System", "evtx:FILE or folder", "mail:FOLDER", "-"`

// Open opens the source that spec names and goes on at pos.
func Open(spec string, pos Position, o Options) (Source, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Limit == 0 {
		o.Limit = 64 << 20
	}
	kind, rest, ok := strings.Cut(spec, ":")
	if spec == "-" {
		kind = "-"
	} else if !ok || len(kind) < 2 || strings.ContainsAny(kind, `/\`) {
		kind, rest = "file", spec // a path, perhaps with a drive's letter
	}
	s, err := open(kind, rest, spec, pos, o)
	if err != nil {
		return nil, fmt.Errorf("log %s: %w", spec, err)
	}
	return s, nil
}

func open(kind, rest, spec string, pos Position, o Options) (Source, error) {
	switch kind {
	case "file":
		return openFile(rest, pos, o)
	case "journald":
		return some(journald.Open(journald.Config{Unit: rest, FromEnd: o.FromEnd}, pos))
	case "syslog":
		return openSyslog(rest, spec, pos, o)
	case "flow", "netflow", "ipfix", "sflow":
		dir, err := o.queue(spec)
		if err != nil {
			return nil, err
		}
		return some(flow.Open(flow.Config{Address: rest, SFlow: kind == "sflow", Dir: dir, Limit: o.Limit, Now: o.Now}, pos))
	case "winevent":
		return some(winevent.Open(winevent.Config{Channels: split(rest), FromEnd: o.FromEnd}, pos))
	case "evtx":
		return some(evtx.Open(rest, pos))
	case "mail":
		return some(mail.Open(rest, pos, mail.Options{Own: o.Own}))
	case "-":
		dir, err := o.queue("stdin")
		if err != nil {
			return nil, err
		}
		in := o.Stdin
		if in == nil {
			in = os.Stdin
		}
		return some(stdin.Open(in, dir, o.Limit, pos))
	}
	if _, err := os.Stat(spec); err == nil {
		return openFile(spec, pos, o)
	}
	return nil, fmt.Errorf("%q is no kind of log: write %s", kind, Kinds)
}

// some keeps a failed opening from becoming a source that is not nil.
func some[S Source](s S, err error) (Source, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

func openFile(path string, pos Position, o Options) (Source, error) {
	if path == "" {
		return nil, errors.New("no path: write file:/var/log/auth.log")
	}
	if file.IsSet(path) {
		return some(file.NewSet(path, pos, o.History, o.FromEnd))
	}
	if pos.Zero() && o.FromEnd {
		var err error
		if pos, err = file.AtEnd(path); err != nil {
			return nil, err
		}
	}
	return file.New(path, pos, o.History), nil
}

func openSyslog(rest, spec string, pos Position, o Options) (Source, error) {
	u, err := url.Parse(rest)
	if err != nil || u.Host == "" || u.Scheme != "udp" && u.Scheme != "tcp" && u.Scheme != "tls" {
		return nil, errors.New("write syslog:udp://0.0.0.0:5514, syslog:tcp://0.0.0.0:5514 or syslog:tls://0.0.0.0:6514?cert=FILE&key=FILE")
	}
	if u.Port() == "" {
		return nil, fmt.Errorf("no port: write syslog:%s://%s:5514", u.Scheme, u.Host)
	}
	dir, err := o.queue(spec)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	return some(syslog.Open(syslog.Config{
		Network: u.Scheme, Address: u.Host, Cert: q.Get("cert"), Key: q.Get("key"), CA: q.Get("ca"),
		Dir: dir, Limit: o.Limit, Now: o.Now,
	}, pos))
}

// queue names the folder of a source's queue: readable, and never that of another.
func (o Options) queue(spec string) (string, error) {
	if o.Dir == "" {
		return "", errors.New("what comes over the network needs a folder for its queue")
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return '-'
	}, spec)
	return filepath.Join(o.Dir, fmt.Sprintf("%.60s-%08x", name, crc32.ChecksumIEEE([]byte(spec)))), nil
}

func split(list string) []string {
	var out []string
	for _, w := range strings.Split(list, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}
