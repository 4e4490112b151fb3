// Package ids makes the names of things: identifiers that sort by birth, short
// codes that survive a bad phone line, and secrets.
package ids

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
	"time"
)

// ID names one thing for ever: 26 lower-case characters, the first ten its
// instant of birth in milliseconds, the rest chance. IDs sort by birth.
type ID string

const crock = "0123456789abcdefghjkmnpqrstvwxyz"

var last struct {
	sync.Mutex
	ms   uint64
	tail [10]byte
}

// New makes an ID born at t. Two IDs of one process never sort against the
// order in which they were made within a millisecond.
func New(t time.Time) ID {
	ms := uint64(max(t.UnixMilli(), 0))
	last.Lock()
	if ms == last.ms {
		for i := len(last.tail) - 1; i >= 0; i-- {
			last.tail[i]++
			if last.tail[i] != 0 {
				break
			}
		}
	} else {
		rand.Read(last.tail[:]) // never fails since Go 1.24
		last.ms = ms
	}
	tail := last.tail
	last.Unlock()

	var b [26]byte
	for i := 9; i >= 0; i-- {
		b[i] = crock[ms&31]
		ms >>= 5
	}
	var acc, bits uint
	j := 10
	for _, c := range tail {
		acc, bits = acc<<8|uint(c), bits+8
		for bits >= 5 {
			bits -= 5
			b[j] = crock[acc>>bits&31]
			j++
		}
	}
	return ID(b[:])
}

// Valid reports whether s has the shape of an ID.
func Valid(s string) bool {
	if len(s) != 26 {
		return false
	}
	for i := range len(s) {
		if strings.IndexByte(crock, s[i]) < 0 {
			return false
		}
	}
	return true
}

// phone has no letter that sounds or looks like another in Italian spelling:
// no O/0, I/1/L, S/5, B/8, Z/2, U/V, M/N, D/T, P, G.
const phone = "34679ACEFHJKNQRTVWXY"

// Code makes a code of n random characters and one check character, in groups
// of three or four: "K7A-4QRX". Twenty letters carry 4.3 bits each.
func Code(n int) string {
	raw := make([]byte, 0, n+1)
	var buf [1]byte
	for len(raw) < n {
		rand.Read(buf[:])
		if int(buf[0]) < 240 { // 240 = 12 x 20: no letter is likelier
			raw = append(raw, phone[int(buf[0])%len(phone)])
		}
	}
	raw = append(raw, check(raw))
	return group(string(raw))
}

func check(raw []byte) byte {
	sum := 0
	for i, c := range raw {
		sum += (i + 2) * strings.IndexByte(phone, c)
	}
	return phone[sum%len(phone)]
}

func group(s string) string {
	var out []string
	for len(s) > 0 {
		k := 4
		if len(s)%4 != 0 && len(s) > 4 {
			k = 3
		}
		k = min(k, len(s))
		out, s = append(out, s[:k]), s[k:]
	}
	return strings.Join(out, "-")
}

// NormalCode brings a code as a person typed it to the form Code made. ok is
// false when a character is foreign or the check character does not fit.
func NormalCode(s string) (code string, ok bool) {
	raw := make([]byte, 0, len(s))
	for _, r := range strings.ToUpper(s) {
		switch {
		case r == '-' || r == ' ' || r == '.':
		case r < 128 && strings.IndexByte(phone, byte(r)) >= 0:
			raw = append(raw, byte(r))
		default:
			return "", false
		}
	}
	if len(raw) < 2 || check(raw[:len(raw)-1]) != raw[len(raw)-1] {
		return "", false
	}
	return group(string(raw)), true
}

// Secret makes a token of 32 random bytes, as text.
func Secret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Hash gives what the store keeps of a secret or code instead of the secret.
func Hash(secret string) string {
	h := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(h[:])
}
