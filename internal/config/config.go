// Package config reads filo's one configuration file and the environment. Every
// field has a usable zero value; yesterday's file is read as well: a key that is
// unknown is an error that names it, a key that is missing keeps its default.
package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config is the configuration of a node. The file is JSON; // begins a comment.
// Every key may also come from the environment: FILO_ and the key in capitals,
// dots as underscores, such as FILO_DATABASE or FILO_LINK_LISTEN.
type Config struct {
	Data     string `json:"data"`     // folder of keys and of the embedded database
	Database string `json:"database"` // sqlite:PATH or postgres://...; empty: DATA/filo.db
	Listen   string `json:"listen"`   // pages and API, host:port
	Public   string `json:"public"`   // the address people type, https://host
	Link     Link   `json:"link"`
	TLS      TLS    `json:"tls"`
	OIDC     OIDC   `json:"oidc"`
	Language string `json:"language"` // it or en, for people who chose none
	LogLevel string `json:"log_level"`
	// Proxies whose X-Forwarded-For and -Proto are believed; empty: nobody's.
	Proxies []string `json:"proxies"`
	// TakeWithin overrides the times of taking in charge, in minutes by priority.
	TakeWithin map[string]int `json:"take_within"`
}

// Link is where agents connect.
type Link struct {
	Listen string   `json:"listen"`
	Public string   `json:"public"` // https://host:port as agents reach it
	Hosts  []string `json:"hosts"`  // names and addresses in the link's certificate
}

// TLS names a certificate for the pages; empty: plain HTTP, for a balancer or loopback.
type TLS struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// OIDC is one generic OpenID Connect provider; empty: none.
type OIDC struct {
	Issuer string `json:"issuer"`
	Client string `json:"client"`
	Secret string `json:"secret"`
	Name   string `json:"name"` // as the button says it
}

// Default is what a node runs with when nobody says otherwise.
func Default() Config {
	return Config{
		Data: "filo-data", Listen: "127.0.0.1:8080", Public: "http://127.0.0.1:8080",
		Link:     Link{Listen: "127.0.0.1:8443", Public: "https://127.0.0.1:8443", Hosts: []string{"127.0.0.1", "localhost"}},
		Language: "it", LogLevel: "info",
	}
}

// Load reads the file at path over the defaults, then the environment over
// both. A path that is empty reads no file.
func Load(path string, env []string) (Config, error) {
	c := Default()
	if path != "" {
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return c, fmt.Errorf("configuration %s is not there; make one with: filo init", path)
		}
		if err != nil {
			return c, fmt.Errorf("configuration: %w", err)
		}
		dec := json.NewDecoder(bytes.NewReader(uncomment(b)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&c); err != nil {
			return c, fmt.Errorf("configuration %s: %w", path, err)
		}
	}
	if err := c.environment(env); err != nil {
		return c, err
	}
	return c, c.check()
}

// uncomment drops lines that begin with //.
func uncomment(b []byte) []byte {
	lines := strings.Split(string(b), "\n")
	for i, l := range lines {
		if strings.HasPrefix(strings.TrimSpace(l), "//") {
			lines[i] = ""
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

func (c *Config) environment(env []string) error {
	fields := map[string]*string{
		"FILO_DATA": &c.Data, "FILO_DATABASE": &c.Database, "FILO_LISTEN": &c.Listen, "FILO_PUBLIC": &c.Public,
		"FILO_LINK_LISTEN": &c.Link.Listen, "FILO_LINK_PUBLIC": &c.Link.Public, "FILO_TLS_CERT": &c.TLS.Cert, "FILO_TLS_KEY": &c.TLS.Key,
		"FILO_OIDC_ISSUER": &c.OIDC.Issuer, "FILO_OIDC_CLIENT": &c.OIDC.Client, "FILO_OIDC_SECRET": &c.OIDC.Secret, "FILO_OIDC_NAME": &c.OIDC.Name,
		"FILO_LANGUAGE": &c.Language, "FILO_LOG_LEVEL": &c.LogLevel,
	}
	lists := map[string]*[]string{"FILO_LINK_HOSTS": &c.Link.Hosts, "FILO_PROXIES": &c.Proxies}
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		if p, ok := fields[k]; ok {
			*p = v
		} else if p, ok := lists[k]; ok {
			*p = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	return nil
}

func (c *Config) check() error {
	switch {
	case c.Data == "":
		return errors.New("configuration: data: a folder is needed")
	case c.Language != "it" && c.Language != "en":
		return fmt.Errorf("configuration: language %q: it or en", c.Language)
	case (c.TLS.Cert == "") != (c.TLS.Key == ""):
		return errors.New("configuration: tls: cert and key go together")
	case c.OIDC.Issuer != "" && c.OIDC.Client == "":
		return errors.New("configuration: oidc: client is missing")
	}
	for p, m := range c.TakeWithin {
		if m <= 0 {
			return fmt.Errorf("configuration: take_within.%s: minutes above zero", p)
		}
	}
	if c.Database == "" {
		c.Database = "sqlite:" + filepath.Join(c.Data, "filo.db")
	}
	return nil
}

// Within gives the configured time of taking in charge, 0 when there is none.
func (c Config) Within(priority string) time.Duration {
	return time.Duration(c.TakeWithin[priority]) * time.Minute
}
