// up, status and down: from a name to a Ready node and back to nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Programs that come from Debian packages, and the package of each.
var neededPrograms = map[string]string{
	"containerd":       "containerd",
	"ctr":              "containerd",
	"runc":             "runc",
	"/usr/lib/cni/ptp": "containernetworking-plugins",
	"nft":              "nftables",
	"conntrack":        "conntrack",
	"ip":               "iproute2",
}

func up(ctx context.Context, c *cluster) error {
	if c.supervised() {
		if err := waitFor(ctx, "API server", c.ready); err != nil {
			return fmt.Errorf("%w; see %s, or start afresh after \"down\"", err, c.path("logs"))
		}
		return tellKubeconfig(c)
	}
	began := time.Now()
	progress := func(what string) { fmt.Printf("%5.1f s  %s\n", time.Since(began).Seconds(), what) }
	if err := checkMachine(); err != nil {
		return err
	}
	// What is left of a cluster that a reboot or a failed start ended would only be in the way.
	if err := down(ctx, c); err != nil {
		return err
	}
	for _, folder := range []string{"logs", "run", "volumes"} {
		if err := os.MkdirAll(c.path(folder), 0o755); err != nil {
			return err
		}
	}
	if err := makeNetwork(ctx, c); err != nil {
		return err
	}
	if err := writeCertificates(c); err != nil {
		return err
	}
	if err := writeConfiguration(c); err != nil {
		return err
	}
	progress("network " + c.nodeIP() + ", certificates and configuration made")
	if err := startSupervisor(c); err != nil {
		return err
	}
	if err := waitFor(ctx, "container runtime", c.runtimeAnswers); err != nil {
		return err
	}
	if err := loadPause(ctx, c); err != nil {
		return err
	}
	progress("container runtime answers")
	if err := waitFor(ctx, "API server", c.ready); err != nil {
		return fmt.Errorf("%w; see %s", err, c.path("logs"))
	}
	progress("API server is ready")
	if err := waitFor(ctx, "cluster DNS, metrics and storage", func(ctx context.Context) error { return applyAddons(ctx, c) }); err != nil {
		return err
	}
	if err := waitFor(ctx, "node", c.nodeReady); err != nil {
		return fmt.Errorf("%w; see %s", err, c.path("logs", "kubelet.log"))
	}
	if err := waitFor(ctx, "cluster DNS", c.dnsAnswers); err != nil {
		return fmt.Errorf("%w; see %s", err, c.path("logs", "coredns.log"))
	}
	progress("node is Ready")
	return tellKubeconfig(c)
}

func tellKubeconfig(c *cluster) error {
	fmt.Printf("export KUBECONFIG=%s\n", c.path("kubeconfig"))
	return nil
}

// Whether the supervisor lives; being in the cluster's control group tells it from a later process of the same number.
func (c *cluster) supervised() bool {
	text, err := os.ReadFile(pidFile(c, "supervisor"))
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		return false
	}
	members, err := processes(c)
	return err == nil && slices.Contains(members, pid)
}

func checkMachine() error {
	if os.Geteuid() != 0 {
		return errors.New("run as root: a cluster needs namespaces, mounts and control groups")
	}
	missing := map[string]bool{}
	for program, pkg := range neededPrograms {
		if _, err := exec.LookPath(program); err != nil {
			missing[pkg] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	packages := ""
	for pkg := range missing {
		packages += " " + pkg
	}
	return fmt.Errorf("missing Debian packages: apt-get install%s", packages)
}

func (c *cluster) nodeReady(ctx context.Context) error {
	config, err := c.client()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	node, err := client.CoreV1().Nodes().Get(ctx, nodeName, meta.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == core.NodeReady && condition.Status == core.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("%s is not Ready", nodeName)
}

func (c *cluster) dnsAnswers(ctx context.Context) error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(c.nodeIP(), "53"))
	}}
	_, err := resolver.LookupHost(ctx, "kubernetes.default.svc."+clusterDomain+".")
	return err
}

func status(ctx context.Context, c *cluster) error {
	if err := c.ready(ctx); err != nil {
		return fmt.Errorf("cluster %q does not run: %w", c.Name, err)
	}
	fmt.Printf("cluster %q runs at %s\n", c.Name, c.apiAddress())
	for _, part := range components(c, "") {
		text, _ := os.ReadFile(pidFile(c, part.name))
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || syscall.Kill(pid, 0) != nil {
			fmt.Printf("%-20s starting; see %s\n", part.name, c.path("logs", part.name+".log"))
			continue
		}
		fmt.Printf("%-20s pid %d\n", part.name, pid)
	}
	return tellKubeconfig(c)
}

// Ends everything of the cluster and removes it; of what does not exist there is nothing to do.
func down(ctx context.Context, c *cluster) error {
	if err := endProcesses(ctx, c); err != nil {
		return err
	}
	if err := removeNetwork(ctx, c); err != nil {
		return err
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("removing the cluster's folder: %w", err)
	}
	return nil
}
