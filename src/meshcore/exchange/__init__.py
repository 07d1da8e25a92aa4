"""What a node tells the others and what it takes in from them, each as a signed record on the bridge.

Healing announces; one-shots and the service publish and receive.
"""
