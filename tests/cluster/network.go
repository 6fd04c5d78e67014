// The cluster's own network namespace and its one link to the machine. Through that link the machine reaches the API
// server, pods and Services by their addresses, and pods reach what the machine reaches. All of it vanishes with the
// namespace but one nftables table and, if we switched it on, IP forwarding.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const (
	maxClusters    = 16
	forwardingFile = "/proc/sys/net/ipv4/ip_forward"
)

func (c *cluster) namespace() string { return "companion-" + c.Name }
func (c *cluster) link() string      { return fmt.Sprintf("companion%d", c.Index) }

func namespacePath(c *cluster) string { return filepath.Join("/run/netns", c.namespace()) }

// Takes the first free index and makes the namespace, link, routes and way out for it.
func makeNetwork(ctx context.Context, c *cluster) error {
	unlock, err := lockClusters()
	if err != nil {
		return err
	}
	defer unlock()
	if err := allowForwarding(); err != nil {
		return err
	}
	for c.Index = 0; ; c.Index++ {
		if c.Index == maxClusters {
			return fmt.Errorf("%d clusters run already: remove one with \"down\"", maxClusters)
		}
		if _, err := net.InterfaceByName(c.link()); err != nil {
			break
		}
	}
	if err := c.save(); err != nil {
		return err
	}
	ns, link := c.namespace(), c.link()
	for _, line := range []string{
		"netns add " + ns,
		"link add " + link + " type veth peer name eth0 netns " + ns,
		"addr add " + c.hostIP() + "/30 dev " + link,
		"link set " + link + " up",
		"-n " + ns + " addr add " + c.nodeIP() + "/30 dev eth0",
		"-n " + ns + " link set eth0 up",
		"-n " + ns + " link set lo up",
		"-n " + ns + " route add default via " + c.hostIP(),
		"route add " + c.podRange() + " via " + c.nodeIP(),
		"route add " + c.serviceRange() + " via " + c.nodeIP(),
	} {
		if err := run(ctx, "", "ip", strings.Fields(line)...); err != nil {
			return err
		}
	}
	return run(ctx, fmt.Sprintf(`table ip %s {
	chain out {
		type nat hook postrouting priority srcnat
		ip saddr { 10.242.%d.0/30, %s } oifname != "%s" masquerade
	}
}
`, ns, c.Index, c.podRange(), link), "nft", "-f", "-")
}

// Removes what makeNetwork made; what is already gone is no error.
func removeNetwork(ctx context.Context, c *cluster) error {
	unlock, err := lockClusters()
	if err != nil {
		return err
	}
	defer unlock()
	var failures []error
	if run(ctx, "", "nft", "list", "table", "ip", c.namespace()) == nil {
		failures = append(failures, run(ctx, "", "nft", "delete", "table", "ip", c.namespace()))
	}
	// The namespace outlives its name for as long as the kernel takes to tear it down; the link must be free at once.
	if link := existingLink(ctx, c); link != "" {
		failures = append(failures, run(ctx, "", "ip", "link", "delete", link))
	}
	if _, err := os.Stat(namespacePath(c)); err == nil {
		failures = append(failures, run(ctx, "", "ip", "netns", "delete", c.namespace()))
	}
	return errors.Join(append(failures, restoreForwarding())...)
}

// The cluster's link, if it is there. Without an index, because cluster.json is broken, it is known by its other end.
func existingLink(ctx context.Context, c *cluster) string {
	if c.Index >= 0 {
		if _, err := net.InterfaceByName(c.link()); err != nil {
			return ""
		}
		return c.link()
	}
	links, err := exec.CommandContext(ctx, "ip", "-oneline", "link", "show", "type", "veth").Output()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(links)) {
		fields := strings.Fields(line)
		if at := slices.Index(fields, "link-netns"); at > 0 && at+1 < len(fields) && fields[at+1] == c.namespace() {
			name, _, _ := strings.Cut(strings.TrimSuffix(fields[1], ":"), "@")
			return name
		}
	}
	return ""
}

// Pods reach the outside through the machine, so it must forward. A note says that we switched it on.
func allowForwarding() error {
	value, err := os.ReadFile(forwardingFile)
	if err != nil || strings.TrimSpace(string(value)) == "1" {
		return err
	}
	root, err := clustersDir()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, ".forwarding"), nil, 0o600); err != nil {
		return err
	}
	return os.WriteFile(forwardingFile, []byte("1"), 0)
}

func restoreForwarding() error {
	root, err := clustersDir()
	if err != nil {
		return err
	}
	note := filepath.Join(root, ".forwarding")
	if _, err := os.Stat(note); err != nil {
		return nil
	}
	if others, _ := filepath.Glob("/run/netns/companion-*"); len(others) > 0 {
		return nil
	}
	if err := os.WriteFile(forwardingFile, []byte("0"), 0); err != nil {
		return err
	}
	return os.Remove(note)
}

// One command at a time may change what clusters share: indices and forwarding.
func lockClusters() (func(), error) {
	root, err := clustersDir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(root, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	return func() { lock.Close() }, nil
}

// The machine's name servers that can be reached from another network namespace, so none on a loopback address.
func nameServers() []string {
	for _, path := range []string{"/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"} {
		file, err := os.Open(path)
		if err != nil {
			continue
		}
		defer file.Close()
		var servers []string
		for lines := bufio.NewScanner(file); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 2 || fields[0] != "nameserver" {
				continue
			}
			if ip := net.ParseIP(fields[1]); ip != nil && ip.To4() != nil && !ip.IsLoopback() {
				servers = append(servers, fields[1])
			}
		}
		if len(servers) > 0 {
			return servers
		}
	}
	return nil
}

// Runs a program to its end and puts what it printed into the error.
func run(ctx context.Context, input, program string, arguments ...string) error {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(arguments, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
